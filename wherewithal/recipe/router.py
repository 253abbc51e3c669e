"""What stands in front of separate prefill and decode servers, and hands each request from one to the other."""

from __future__ import annotations

from wherewithal.catalog import recipe_record as records
from wherewithal.catalog.recipe_record import Router
from wherewithal.recipe import check
from wherewithal.recipe.job import Job
from wherewithal.recipe.lines import Line, plain
from wherewithal.recipe.shell import HEAD, argument, comment, quoted

NAME = "route.sh"


def files(work: Job, cannot: list[str]) -> dict[str, str]:
    """Return the script of the router of a split plan; where the engine has none, that is said in `cannot`."""
    plan, router = work.answer.best, work.book.router
    if plan is None or plan.serving != "disaggregated":
        if work.servers[0].number("replicas") > 1:
            cannot.append(
                "one address for all replicas: put a load balancer in front (Kubernetes: the Service does it)"
            )
        return {}
    if router is None:
        cannot.append("one address for both pools: this engine brings no router that its files name")
        return {}
    known = check.table([records.arguments(router.list, work.answer.ready.question.catalog_dirs)], router.group)
    lines = [Line(r.name, r.shell or (plain(r.value) if r.value else None), r.note, bool(r.shell)) for r in router.head]
    wanted = [(line.flag, line.value) for line in lines]
    wanted += [(text.split()[0], "") for text in (router.prefill, router.decode) if text]
    check.refuse(filter(None, (check.problem(f, v, known, open_value=True) for f, v in wanted)), router.package)
    return {NAME: _script(work, router, lines)}


def _script(work: Job, router: Router, lines: list[Line]) -> str:
    parts = [HEAD, *(comment(t) for t in (*work.header, f"router: {router.package}. {router.note}"))]
    parts.append("set -euo pipefail\n")
    for one in work.servers:
        key = f"{one.role.upper()}_URLS"
        here = " ".join(f"http://127.0.0.1:{one.number('first_port') + i}" for i in range(one.number("replicas")))
        say = f"addresses of all {one.role} servers with spaces, http://NODE:PORT each"
        local = bool(one.facts["shares_host"])
        parts.append(f': "${{{key}:={here}}}"\n' if local else f': "${{{key}:?{say}}}"\n')
    parts.append(f': "${{HOST:=127.0.0.1}}"\n: "${{PORT:={router.port}}}"\n')
    parts.append('read -ra prefill <<<"$PREFILL_URLS"\nread -ra decode <<<"$DECODE_URLS"\n')
    if router.config:
        parts.append(_config(router))
    parts.append(f"args=(\n{''.join(argument(line) for line in lines)})\n")
    for role, text in (("prefill", router.prefill), ("decode", router.decode)):
        if text:
            flag, *rest = text.split()
            words = " ".join(f'"{w}"'.replace("{url}", "$url") for w in rest)
            parts.append(f'for url in "${{{role}[@]}}"; do\n  args+=({flag} {words})\ndone\n')
    program = " ".join(quoted(w) for w in router.program)
    parts.append(f'exec {program} "${{args[@]}}"\n')
    return "".join(parts)


def _config(router: Router) -> str:
    """Return the lines that write the router's configuration from the two lists of addresses."""
    parts = ['CONFIG="$(mktemp)"\n{\n']
    for line in router.config:
        filled = f' "${{{line.each}[@]#http://}}"' if line.each else f' "{line.of}"' if line.of else ""
        parts.append(f"  printf {quoted(line.text + chr(92) + 'n')}{filled}\n")
    return "".join((*parts, '} >"$CONFIG"\n'))
