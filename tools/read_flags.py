"""Read the argument list of a serving engine out of its own package, without importing or running any of it.

`python tools/read_flags.py ENGINE PACKAGE [FILE...] --version V` takes a wheel, an sdist, a folder or a single source file
and writes `wherewithal/catalog/data/flags/ENGINE.csv`. Three ways of writing arguments are understood, by `ast` alone:

* `parser.add_argument("--x", type=..., choices=..., default=..., action=...)`, names with an f-string prefix included, and
  `**kwargs["field"]` out of `kwargs = get_kwargs(Class)`: then the class's annotated field says type and default;
* annotated fields of classes named with `--fields CLASS` (`*`: all of the files): `--field-name`, annotation, default, the
  choices of `Literal[...]`, and what `Annotated[type, Arg(choices=..., aliases=..., cli_name=...)]` says;
* `click.option("--x", ...)` decorators.

A compiled server has no source to read: `--help-of BINARY` runs it with `--help` and reads what it prints (llama-server).
Rows that the present list has and the new one lacks are kept with `gone_in`, so that a recipe that still says one of them
is refused with the reason.
"""

from __future__ import annotations

import argparse
import ast
import csv
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "wherewithal" / "catalog" / "data" / "flags"
COLUMNS = ("flag", "kind", "default", "choices", "aliases", "group", "first_seen", "version", "gone_in", "source")
Row = dict[str, str]
# Annotations that say the kind of what they wrap.
WRAPPERS = ("Optional", "Union", "Annotated", "A", "SkipValidation", "InitVar", "ClassVar", "Final")
# Names of calls that define an argument; the last two are helpers with `flag_name=` and `arg_type=`.
CALLS = ("add_argument", "option", "add_negatable_bool_argument")
_TYPES = {"int": "int", "float": "float", "bool": "bool", "str": "str", "dict": "json", "list": "json"}
_TYPES |= {"Literal": "choice", "human_readable_int": "int", "nullable_str": "str", "json": "json", "loads": "json"}


def sources(package: Path, wanted: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the Python files of a wheel, sdist, folder or file; `wanted` are ends of their names."""
    ends = tuple(wanted) or (".py",)
    if package.is_file() and package.suffix == ".py":
        yield package.name, package.read_text(encoding="utf-8")
    elif package.is_dir():
        for path in sorted(package.rglob("*.py")):
            if str(path).endswith(ends):
                yield str(path.relative_to(package)), path.read_text(encoding="utf-8")
    elif zipfile.is_zipfile(package):
        with zipfile.ZipFile(package) as bundle:
            for name in sorted(bundle.namelist()):
                if name.endswith(".py") and name.endswith(ends):
                    yield name, bundle.read(name).decode("utf-8")
    else:
        with tarfile.open(package) as archive:
            for member in sorted(archive.getmembers(), key=lambda m: m.name):
                file = (
                    archive.extractfile(member) if member.name.endswith(".py") and member.name.endswith(ends) else None
                )
                if file is not None:
                    yield member.name, file.read().decode("utf-8")


class Field(NamedTuple):
    """An annotated field of a class, as an argument.

    `hidden`: it is no argument of the command line; `aliases` are further names, `name` one that stands in its place.
    """

    kind: str
    choices: str
    default: str
    aliases: str = ""
    name: str = ""
    hidden: bool = False


Fields = dict[str, dict[str, Field]]


def fields(tree: ast.AST, lists: Mapping[str, str] | None = None) -> Fields:
    """Return class to field to what it stands for, of the annotated fields of all classes of a module.

    Args:
        tree: a module.
        lists: name of a constant list to its entries, for choices that are named.
    """
    return {
        node.name: {
            one.target.id: _field(one, lists or {})
            for one in node.body
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        }
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def _field(one: ast.AnnAssign, lists: Mapping[str, str]) -> Field:
    kind, choices = _kind(one.annotation, lists)
    plain = Field(kind, choices, _default(one.value))
    inner = one.annotation.slice if isinstance(one.annotation, ast.Subscript) else None
    for part in inner.elts[1:] if isinstance(inner, ast.Tuple) else ():
        if not isinstance(part, ast.Call):
            continue
        said = {k.arg: k.value for k in part.keywords}
        if _name(part.func) == "Derived" or _default(said.get("no_cli")) == "True":
            return plain._replace(hidden=True)
        if "type_parser" in said and _name(said["type_parser"]) in _TYPES:
            plain = plain._replace(kind=_TYPES[_name(said["type_parser"])])
        if "choices" in said and not _none(said["choices"]):
            plain = plain._replace(kind="choice", choices=_choices(said["choices"], lists))
        aliases = said.get("aliases")
        if isinstance(aliases, ast.List | ast.Tuple):
            plain = plain._replace(aliases=" ".join(_text(e) for e in aliases.elts))
        plain = plain._replace(name=_text(said["cli_name"]) if "cli_name" in said else plain.name)
    return plain


def constants(tree: ast.AST) -> dict[str, str]:
    """Return name to entries of the constant lists of a module."""
    found: dict[str, str] = {}
    for n in ast.walk(tree):
        if isinstance(n, ast.Assign) and len(n.targets) == 1 and isinstance(n.targets[0], ast.Name):
            aliased = isinstance(n.value, ast.Subscript) and _name(n.value.value) in ("Literal", "Union")
            found[n.targets[0].id] = _kind(n.value, found)[1] if aliased else _choices(n.value, found)
    return {k: v for k, v in found.items() if v}


def _kind(node: ast.expr | None, lists: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return (kind, choices) of an annotation: its first part that is not None; `lists` are named lists of choices."""
    if node is None:
        return "str", ""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return _kind(ast.parse(node.value, mode="eval").body, lists)
        except SyntaxError:
            return "str", ""
    if isinstance(node, ast.BinOp):
        parts = [_kind(p, lists) for p in (node.left, node.right) if not _none(p)]
        return next((p for p in parts if p[0] != "str"), parts[0]) if parts else ("str", "")
    if isinstance(node, ast.Subscript):
        name = _name(node.value)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Literal":
            said = [str(e.value) if isinstance(e, ast.Constant) else (lists or {}).get(_name(e), "") for e in inner]
            return "choice", "|".join(t for t in said if t and t != "None")
        if name in WRAPPERS:
            return _kind(next((p for p in inner if not _none(p)), None), lists)
        return _TYPES.get(name.lower(), "json"), ""
    if (lists or {}).get(_name(node)):
        return "choice", (lists or {})[_name(node)]
    return _TYPES.get(_name(node), "json" if _name(node)[:1].isupper() else "str"), ""


def _none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _default(node: ast.expr | None) -> str:
    """Return a default as the source writes it; that of `field(default=...)` or `default_factory` where it is one."""
    if isinstance(node, ast.Call) and _name(node.func) in ("field", "Field"):
        for keyword in node.keywords:
            if keyword.arg == "default":
                return _default(keyword.value)
            if keyword.arg == "default_factory":
                return f"factory:{ast.unparse(keyword.value)}"
        return _default(node.args[0]) if node.args else ""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return ast.unparse(node)[:120] if node is not None else ""


def from_calls(tree: ast.AST, known: Fields) -> Iterator[Row]:
    """Yield the arguments that `add_argument` and `option` calls define.

    Args:
        tree: a module.
        known: class to its fields, for arguments that are made out of a class's fields.
    """
    made_of = _made_of(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _name(node.func) not in CALLS:
            continue
        said = [k.value for k in node.keywords if k.arg in ("flag_name", "obsolete_flag")]
        names = [n for n in (_text(a) for a in (*node.args, *said)) if n.strip("-") and n.startswith("-")]
        if not names:
            continue
        kind, choices, default = _call(node, made_of, known)
        long = next((n for n in names if n.startswith("--")), names[0])
        main, _, negative = long.partition("/")
        rest = [n for n in names if n != long] + ([negative] if negative else [])
        if kind == "optional-bool":
            kind, rest = "bool", [*rest, f"--no-{main[2:]}"]
        yield {"flag": main, "kind": kind, "default": default, "choices": choices, "aliases": " ".join(rest)}


def _text(node: ast.expr) -> str:
    """Return a string constant, or an f-string with its variable parts (prefixes) left out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) for v in node.values if isinstance(v, ast.Constant))
    return ""


def _made_of(tree: ast.AST) -> dict[str, str]:
    """Return variable to class of `variable = get_kwargs(Class)`."""
    return {
        _name(n.targets[0]): _name(n.value.args[0])
        for n in ast.walk(tree)
        if isinstance(n, ast.Assign) and isinstance(n.value, ast.Call) and n.value.args
        and _name(n.value.func).endswith("get_kwargs")
    }  # fmt: skip


def _call(node: ast.Call, made_of: dict[str, str], known: Fields) -> tuple[str, str, str]:
    """Return (kind, choices, default) of one call."""
    said = {k.arg: k.value for k in node.keywords if k.arg}
    kind, choices, default = "str", "", ""
    for keyword in node.keywords:
        for part in ast.walk(keyword.value) if keyword.arg is None else ():
            if not isinstance(part, ast.Subscript):
                continue
            found = known.get(made_of.get(_name(part.value), ""), {}).get(_text(part.slice))
            if found:
                kind, choices, default = found[:3]
                kind = "optional-bool" if kind == "bool" else kind
    if _name(node.func) == "add_negatable_bool_argument":
        kind = "optional-bool"
    said |= {"type": said["arg_type"]} if "arg_type" in said else {}
    if "type" in said:
        kind = _TYPES.get(_name(said["type"]), "str")
        if isinstance(said["type"], ast.Call) and _name(said["type"].func) == "Choice" and said["type"].args:
            choices, kind = _choices(said["type"].args[0]), "choice"
    if "choices" in said:
        choices, kind = _choices(said["choices"]), "choice"
    if "action" in said:
        action = _text(said["action"]) or _name(said["action"])
        kind = (
            "optional-bool" if action == "BooleanOptionalAction" else "bool" if action.startswith("store_t") else kind
        )
        kind = "bool" if action == "store_false" else kind
    if "is_flag" in said and _default(said["is_flag"]) == "True":
        kind = "bool"
    if "default" in said:
        default = _default(said["default"])
    return kind, choices, default


def _choices(node: ast.expr, lists: Mapping[str, str] | None = None) -> str:
    """Return the entries of a list, or of a named one that is known."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return "|".join(str(e.value) for e in node.elts if isinstance(e, ast.Constant))
    if isinstance(node, ast.BinOp):
        return "|".join(filter(None, (_choices(node.left, lists), _choices(node.right, lists))))
    return (lists or {}).get(_name(node), "")


def from_fields(known: Fields, classes: Iterable[str]) -> Iterator[Row]:
    """Yield the arguments that the fields of some classes stand for, each as `--field-name`."""
    for of in (known[c] for c in classes if c in known):
        for name, one in of.items():
            if not name.startswith("_") and not one.hidden:
                flag = one.name or "--" + name.replace("_", "-")
                yield {
                    "flag": flag, "kind": one.kind, "default": one.default, "choices": one.choices, "aliases": one.aliases,
                }  # fmt: skip


def from_help(text: str) -> Iterator[Row]:
    """Yield the arguments of `--help` as llama.cpp prints it: names with commas, then a value's name, then words.

    A value in braces or brackets (`{none,layer}`, `[on|off]`) is a list of choices; `N` is a number; none is a switch.
    """
    group, started, row = "", False, {}
    for line in [*text.splitlines(), "-----"]:
        if line.startswith("-"):
            if started:
                yield _described(row)
            started = False
        if line.startswith("-----"):
            group = line.strip("- ")
        elif line.startswith("-"):
            head, about = _split(line)
            names = re.findall(r"(?<![\w-])--?[A-Za-z][\w.-]*", head)
            value = re.sub(r"(?<![\w-])--?[A-Za-z][\w.-]*,?", "", head).strip()
            kind, choices = _help_kind(value)
            long = next((n for n in names if n.startswith("--") and not n.startswith("--no-")), names[-1])
            others = " ".join(n for n in names if n != long)
            row = {"flag": long, "kind": kind, "choices": choices, "aliases": others, "group": group, "default": about}
            started = True
        else:
            row["default"] = f"{row.get('default', '')} {line.strip()}"


def _described(row: Row) -> Row:
    """Return a row with what its words say of it: the default, allowed values, whether it is a fraction."""
    about = row["default"]
    default = re.search(r"\(?default: ([^),]*)", about)
    allowed = re.search(r"allowed values: ([\w.]+(?:, [\w.]+)+)", about)
    found = default[1].strip().strip("'") if default else ""
    out = {**row, "default": found}
    if allowed and row["kind"] == "str":
        out |= {"kind": "choice", "choices": "|".join(allowed[1].split(", "))}
    if row["kind"] == "int" and re.fullmatch(r"-?\d+\.\d+", found):
        out["kind"] = "float"
    return out


def _split(line: str) -> tuple[str, str]:
    """Return the part of a help line that names the argument, and the words after it.

    Short names are padded to a column (`-t,    --threads N`), so spaces after a comma do not end the first part.
    """
    for match in re.finditer(r"\s{2,}", line):
        if not line[: match.start()].endswith(","):
            return line[: match.start()], line[match.end() :]
    return line, ""


def _help_kind(value: str) -> tuple[str, str]:
    if not value:
        return "bool", ""
    listed = re.fullmatch(r"[{\[<](.*)[}\]>]", value)
    if listed and re.search(r"[|,]", listed[1]):
        parts = [p.strip() for p in re.split(r"[|,]", listed[1])]
        if all(re.fullmatch(r"\w[\w-]*", p) for p in parts):
            return "choice", "|".join(parts)
    return ("int", "") if value in ("N", "PORT", "SEED") else ("str", "")


def merge(rows: list[Row], version: str, source: str, old: Path) -> list[Row]:
    """Return rows in the catalog's columns, with those that the list before had and this one lacks marked gone."""
    new: dict[str, Row] = {}
    for row in rows:
        new.setdefault(row["flag"], {**dict.fromkeys(COLUMNS, ""), **row, "version": version, "source": source})
    spelled = {n for r in new.values() for n in (r["flag"], *r["aliases"].split())}
    before: list[Row] = []
    if old.exists():
        with old.open(encoding="utf-8", newline="") as file:
            before = list(csv.DictReader(file))
    for row in before:
        if row["flag"] in new:
            new[row["flag"]]["first_seen"] = row["first_seen"] or row["version"]
        elif row["flag"] not in spelled:
            new[row["flag"]] = {**row, "gone_in": row["gone_in"] or version}
    for row in new.values():
        row["first_seen"] = row["first_seen"] or version
    return [new[k] for k in sorted(new)]


def write(rows: list[Row], path: Path) -> None:
    """Write a list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read(package: Path, wanted: Iterable[str], classes: Iterable[str]) -> list[Row]:
    """Return all arguments that the sources of a package define."""
    trees = [ast.parse(text) for _, text in sources(package, wanted)]
    beside = [ast.parse(t) for n, t in sources(package) if "config" in n or "choices" in n] if wanted else []
    lists: dict[str, str] = {}
    for tree in (*beside, *trees):
        lists.update(constants(tree))
    known: Fields = {}
    for tree in (*beside, *trees):
        known.update(fields(tree, lists))
    rows = [row for tree in trees for row in from_calls(tree, known)]
    named = [n.name for tree in trees for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    return rows + list(from_fields(known, named if list(classes) == ["*"] else classes))


def main() -> None:
    """Read what the command line names and write the list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine")
    parser.add_argument("package", type=Path)
    parser.add_argument("files", nargs="*", help="ends of the names of the files that define the arguments")
    parser.add_argument("--fields", nargs="*", default=[], metavar="CLASS")
    parser.add_argument("--help-of", action="store_true", help="PACKAGE is a binary: read its --help")
    parser.add_argument("--version", required=True)
    parser.add_argument("--source", default="")
    parser.add_argument("--to", type=Path, default=TARGET)
    args = parser.parse_args()
    if args.help_of:
        ran = subprocess.run([args.package, "--help"], capture_output=True, text=True, check=False, timeout=60)
        rows, source = list(from_help(ran.stdout or ran.stderr)), args.source or f"{args.package.name} --help"
    else:
        rows = read(args.package, args.files, args.fields)
        source = args.source or f"{args.engine} {args.version}: {' '.join(args.files) or args.package.name}"
    if not rows:
        raise SystemExit(f"no arguments found in {args.package}")
    path = args.to / f"{args.engine}.csv"
    made = merge(rows, args.version, source, path)
    write(made, path)
    gone = [r["flag"] for r in made if r["gone_in"] == args.version]
    print(f"{path.name}: {len(rows)} arguments; gone: {', '.join(gone) or 'none'}")


if __name__ == "__main__":
    main()
