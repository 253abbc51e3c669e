"""Adding a file to a folder of the user's own: checked first, then written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from wherewithal.catalog import files, load
from wherewithal.catalog.check import check_file
from wherewithal.errors import FileProblems, InputError


def write_whole(path: Path, data: bytes, force: bool = False) -> None:
    """Write a file so that it is there whole or not at all; links are not followed.

    Args:
        path: the file; its folder is made if need be.
        data: its content.
        force: whether an existing file may be replaced.

    Raises:
        InputError: it exists and `force` is not set, is a link or a folder, or cannot be written.
    """
    if path.is_symlink() or path.is_dir():
        raise InputError(str(path), "is a link or a folder", "give the name of a file")
    if path.exists() and not force:
        raise InputError(str(path), "exists", "--force replaces it")
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        raise InputError(str(path), f"cannot be written ({error.strerror or error})", "check the folder") from None
    finally:
        with suppress(OSError):
            if temporary:
                Path(temporary).unlink(missing_ok=True)


def add(kind: str, file: Path, folder: Path | None = None, force: bool = False, dirs: load.Dirs = ()) -> Path:
    """Check a file and copy it into a folder of additions; return where it lies now.

    Args:
        kind: `chips`, `systems`, `models` or `checkpoints`.
        file: the file to add; its name becomes the record's name.
        folder: folder of additions; None for the user's own.
        force: whether an existing file may be replaced.
        dirs: other folders whose names it may use.

    Raises:
        InputError: it cannot be read or written, or exists.
        FileProblems: all that is wrong in it.
    """
    folder = folder or load.user_folder()
    used = [*dirs, folder] if folder.is_dir() else [*dirs]
    name, problems = check_file(kind, file, used)
    if problems:
        raise FileProblems(file.name, problems)
    kind = load.plural(kind)
    data = files.read_bytes(file, files.JSON_LIMIT)
    target = folder / kind / f"{name}{load.KINDS[kind][0]}"
    write_whole(target, data, force)
    return target
