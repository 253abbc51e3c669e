"""Plain commands: one script a pool that starts one server, and one that starts all servers of a host."""

from __future__ import annotations

import re

from wherewithal.catalog.recipe_record import Device, RecipeRecord
from wherewithal.recipe.lines import Line, Server

_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
HEAD = "#!/usr/bin/env bash\n"


def quoted(text: str) -> str:
    """Return a word in single quotes, whatever is in it."""
    return "'" + text.replace("'", "'\\''") + "'"


def comment(text: str, indent: str = "") -> str:
    """Return a text as comment lines; line breaks and control characters cannot leave the comment."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{indent}# {clean}\n"


def word(line: Line) -> str:
    """Return one argument with its value, quoted."""
    if line.value is None:
        return line.flag
    return f'{line.flag} "{line.value}"' if line.at_launch else f"{line.flag} {quoted(line.value)}"


def argument(line: Line, indent: str = "  ") -> str:
    """Return one argument under the comment that says where it comes from."""
    return (comment(line.why, indent) if line.why else "") + f"{indent}{word(line)}\n"


def name(server: Server, stem: str = "serve", ending: str = ".sh") -> str:
    """Return the file name of a pool's script."""
    return f"{stem}{ending}" if server.role == "all" else f"{stem}-{server.role}{ending}"


def reached(made: Server) -> bool:
    """Return whether a server must be reached from another host: pools of a split plan that share none."""
    return made.role != "all" and not made.facts["shares_host"]


def serve(book: RecipeRecord, made: Server, header: tuple[str, ...]) -> str:
    """Return the script that starts one server of a pool (one node's part of it, where it spans several)."""
    many = made.number("nodes") > 1
    parts = [HEAD, *(comment(t) for t in header), "set -euo pipefail\n"]
    parts += [_asked("MODEL", f"{book.weights}: {made.facts['model']}, weights in {made.facts['weights']}")]
    if reached(made):
        parts.append(
            _asked("HOST", "address of this node at which the router reaches it; 0.0.0.0 for all its networks")
        )
    else:
        parts.append(comment("127.0.0.1 takes requests of this machine only; 0.0.0.0 of every network that reaches it"))
        parts.append(': "${HOST:=127.0.0.1}"\n')
    parts.append(f': "${{PORT:={made.number("first_port")}}}"\n')
    if many and not book.mpi:
        parts.append(
            _asked("NODE_RANK", f"0 on the first node of the replica, then 1, 2, ... {made.number('nodes') - 1}")
        )
        parts.append(_asked("HEAD_ADDRESS", "address of the first node, as the others reach it"))
    for ask in made.asks:
        parts.append(_asked(ask.name, ask.say, ask.default) + (f"export {ask.name}\n" if ask.export else ""))
    for key, text, why in made.exports:
        parts.append(comment(why) if why else "")
        parts.append(f"export {key}={quoted(text)}\n")
    parts.append(f': "${{PROGRAM:={book.program[0]}}}"\n')
    parts.append("args=(\n")
    parts.append(comment("the weights", "  "))
    parts.append(f'  {book.model} "$MODEL"\n'.replace("   ", "  ") if book.model else '  "$MODEL"\n')
    parts += [argument(line) for line in made.lines if not line.only]
    if made.config:
        parts.append(comment("what has no argument of its own, see the file", "  "))
        parts.append(f'  {book.config_flag} "${{HERE}}/{name(made, "config", ".yaml")}"\n')
    parts.append(")\n")
    for which, test in (("first", "-eq"), ("others", "-ne")):
        some = [argument(line, "    ") for line in made.lines if line.only == which]
        if some:
            parts.append(f'if [[ "$NODE_RANK" {test} 0 ]]; then\n  args+=(\n{"".join(some)}  )\nfi\n')
    if made.config:
        parts.insert(2 + len(header), 'HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\n')
    program = " ".join(w if _SAFE.fullmatch(w) else quoted(w) for w in book.program[1:])
    start = '"$PROGRAM"' + (f" {program}" if program else "")
    mpi = " ".join((*book.mpi, "")) if many and book.mpi else ""
    parts.append(f'exec {mpi}{start} "${{args[@]}}"\n')
    return "".join(parts)


def _asked(key: str, say: str, default: str = "") -> str:
    """Return the lines that demand a variable, or give it a default."""
    clean = re.sub(r"[\"'`$\\{}]", "", " ".join(say.split()))
    if default:
        return comment(clean) + f': "${{{key}:={default}}}"\n'
    return f': "${{{key}:?{clean}}}"\n'


def launch(made: Server, device: Device, header: tuple[str, ...]) -> str:
    """Return the script that starts all servers of a pool that live on one host."""
    ranks, fit = made.number("ranks"), made.number("on_host")
    parts = [HEAD, *(comment(t) for t in header), "set -euo pipefail\n"]
    parts.append('HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\n')
    parts.append(comment(f"pools[{made.index}].replicas = {made.number('replicas')}, {fit} of them on a host"))
    parts.append(
        f': "${{REPLICAS:={fit}}}"\n: "${{FIRST_PORT:={made.number("first_port")}}}"\n: "${{FIRST_DEVICE:={made.number("first_device")}}}"\npids=()\n'
    )
    parts.append("for ((i = 0; i < REPLICAS; i++)); do\n")
    if device.visible:
        parts.append(comment(f"pools[{made.index}].layout: {ranks} devices for each server", "  "))
        parts.append('  devices=""\n')
        parts.append(f"  for ((d = FIRST_DEVICE + i * {ranks}; d < FIRST_DEVICE + (i + 1) * {ranks}; d++)); do\n")
        parts.append('    devices+="${devices:+,}${d}"\n  done\n')
        start = f'  {device.visible}="$devices" PORT="$((FIRST_PORT + i))" '
    else:
        start = '  PORT="$((FIRST_PORT + i))" '
    parts.append(f'{start}bash "${{HERE}}/{name(made)}" &\n  pids+=("$!")\ndone\n')
    parts.append(comment("stop all when one of them ends, or when this script is stopped"))
    parts.append('trap \'kill "${pids[@]}" 2>/dev/null || true\' EXIT INT TERM\nwait -n "${pids[@]}"\n')
    return "".join(parts)
