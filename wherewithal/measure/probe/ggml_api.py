"""The C functions of ggml that the probe calls, in a library that the user or the running environment names."""

from __future__ import annotations

import ctypes
import ctypes.util
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wherewithal.errors import InputError

P, I64, F, I32, SIZE = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_int, ctypes.c_size_t
BOOL, TEXT = ctypes.c_bool, ctypes.c_char_p
_Log = ctypes.CFUNCTYPE(None, I32, TEXT, P)
# Kept for good: the library calls it whenever it has something to say, and what it says is not the probe's answer.
_SILENT = _Log(lambda _level, _text, _more: None)
DEVICE_CPU, DEVICE_GPU = 0, 1


class InitParams(ctypes.Structure):
    """Memory of a context: its size [B], where (none: allocated), and that tensors get no memory of their own."""

    _fields_ = (("mem_size", SIZE), ("mem_buffer", P), ("no_alloc", BOOL))


# Function to (result, arguments).
_FUNCTIONS: Mapping[str, tuple[Any, Sequence[Any]]] = {
    "ggml_log_set": (None, (_Log, P)),
    "ggml_init": (P, (InitParams,)),
    "ggml_free": (None, (P,)),
    "ggml_tensor_overhead": (SIZE, ()),
    "ggml_graph_overhead_custom": (SIZE, (SIZE, BOOL)),
    "ggml_new_tensor": (P, (P, I32, I32, ctypes.POINTER(I64))),
    "ggml_nbytes": (SIZE, (P,)),
    "ggml_row_size": (SIZE, (I32, I64)),
    "ggml_blck_size": (I64, (I32,)),
    "ggml_quantize_chunk": (SIZE, (I32, P, P, I64, I64, I64, P)),
    "ggml_new_graph_custom": (P, (P, SIZE, BOOL)),
    "ggml_build_forward_expand": (None, (P, P)),
    "ggml_mul_mat": (P, (P, P, P)),
    "ggml_mul_mat_id": (P, (P, P, P, P)),
    "ggml_add": (P, (P, P, P)),
    "ggml_mul": (P, (P, P, P)),
    "ggml_rms_norm": (P, (P, P, F)),
    "ggml_silu": (P, (P, P)),
    "ggml_get_rows": (P, (P, P, P)),
    "ggml_permute": (P, (P, P, I32, I32, I32, I32)),
    "ggml_backend_view_init": (I32, (P,)),
    "ggml_soft_max_ext": (P, (P, P, P, F, F)),
    "ggml_flash_attn_ext": (P, (P, P, P, P, P, F, F, F)),
    "ggml_rope_ext": (P, (P, P, P, P, I32, I32, I32, F, F, F, F, F, F)),
    "ggml_backend_dev_count": (SIZE, ()),
    "ggml_backend_dev_get": (P, (SIZE,)),
    "ggml_backend_dev_type": (I32, (P,)),
    "ggml_backend_dev_name": (TEXT, (P,)),
    "ggml_backend_dev_description": (TEXT, (P,)),
    "ggml_backend_dev_memory": (None, (P, ctypes.POINTER(SIZE), ctypes.POINTER(SIZE))),
    "ggml_backend_dev_backend_reg": (P, (P,)),
    "ggml_backend_dev_init": (P, (P, TEXT)),
    "ggml_backend_dev_buffer_type": (P, (P,)),
    "ggml_backend_dev_supports_op": (BOOL, (P, P)),
    "ggml_backend_reg_get_proc_address": (P, (P, TEXT)),
    "ggml_backend_free": (None, (P,)),
    "ggml_backend_buft_alloc_buffer": (P, (P, SIZE)),
    "ggml_backend_buft_name": (TEXT, (P,)),
    "ggml_backend_alloc_ctx_tensors_from_buft": (P, (P, P)),
    "ggml_backend_buffer_get_base": (P, (P,)),
    "ggml_backend_buffer_set_usage": (None, (P, I32)),
    "ggml_backend_buffer_free": (None, (P,)),
    "ggml_backend_tensor_alloc": (I32, (P, P, P)),
    "ggml_backend_tensor_set": (None, (P, P, SIZE, SIZE)),
    "ggml_backend_tensor_get": (None, (P, P, SIZE, SIZE)),
    "ggml_backend_graph_compute": (I32, (P, P)),
}
# Functions that older releases lack.
_NEWER: Mapping[str, tuple[Any, Sequence[Any]]] = {
    "ggml_set_rows": (P, (P, P, P, P)),
    "ggml_swiglu_split": (P, (P, P, P)),
    "ggml_version": (TEXT, ()),
    "ggml_commit": (TEXT, ()),
    "ggml_backend_load_all_from_path": (None, (TEXT,)),
}


class Library:
    """ggml's functions, each as an attribute without `ggml_`; `has` says which of the newer ones are there.

    Args:
        path: a shared object that exports them, or a folder that holds libggml and its parts.

    Raises:
        InputError: it cannot be loaded, or lacks a function.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._open = path, tuple(_opened(path))
        self.has: set[str] = set()
        for name, kinds in _FUNCTIONS.items():
            self._bind(name, kinds, needed=True)
        for name, kinds in _NEWER.items():
            self._bind(name, kinds, needed=False)
        self.call("log_set", _SILENT, None)
        if not self.call("backend_dev_count") and "backend_load_all_from_path" in self.has:
            self.call("backend_load_all_from_path", str(path if path.is_dir() else path.parent).encode())

    def _bind(self, name: str, kinds: tuple[Any, Sequence[Any]], needed: bool) -> None:
        found = next((getattr(lib, name) for lib in self._open if hasattr(lib, name)), None)
        if found is None:
            if needed:
                raise InputError(str(self.path), f"exports no {name}", "give a library of a current release of ggml")
            return
        found.restype, found.argtypes = kinds[0], list(kinds[1])
        short = name.removeprefix("ggml_")
        self.has.add(short)
        setattr(self, short, found)

    def call(self, name: str, *args: Any) -> Any:
        """Call a function by its name without `ggml_`."""
        return getattr(self, name)(*args)


def _opened(path: Path) -> list[ctypes.CDLL]:
    """Return the libraries at a path: the parts of a folder in the order in which they need each other."""
    names = [path]
    if path.is_dir():
        parts = ("libggml-base", "libggml-cpu", "libggml")
        names = [f for p in parts for f in sorted(path.glob(f"{p}.*")) if f.suffix in (".so", ".dylib", ".dll")]
        if not names:
            raise InputError(str(path), "holds no libggml", "give the folder or the file of one")
    try:
        return [ctypes.CDLL(str(n), mode=ctypes.RTLD_GLOBAL) for n in names]
    except OSError as error:
        raise InputError(str(path), f"cannot be loaded ({error})"[:200], "give a shared library of ggml") from None


def locate(packages: Sequence[str]) -> Path | None:
    """Return the folder or file of ggml in the first of these packages that the running environment has; else None.

    Args:
        packages: import names; none is imported.
    """
    for name in packages:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):  # a package that cannot be looked at has nothing for us
            continue
        for folder in (Path(p) for p in (spec.submodule_search_locations or ())) if spec else ():
            for inside in ("bin", "lib", "."):
                if any((folder / inside).glob("libggml.*")):
                    return folder / inside
            single = sorted(folder.glob(f"{name}*.so"))
            if single:
                return single[0]
    return None
