"""Slurm: one batch script a pool; a replica over several nodes is one job of an array, small ones share a node."""

from __future__ import annotations

from wherewithal.recipe import shell
from wherewithal.recipe.job import Job
from wherewithal.recipe.lines import Server
from wherewithal.recipe.shell import comment


def files(work: Job, made: dict[str, str], _cannot: list[str]) -> dict[str, str]:
    """Return one batch script a pool."""
    return {shell.name(one, "slurm", ".sbatch"): _script(work, one, made) for one in work.servers}


def _script(work: Job, one: Server, made: dict[str, str]) -> str:
    nodes, replicas = one.number("nodes"), one.number("replicas")
    mpi = bool(work.book.mpi) and nodes > 1
    jobs = replicas if nodes > 1 else -(-replicas // one.number("on_host"))
    shared = shell.name(one, "launch") in made
    devices = one.number("local") if nodes > 1 or not shared else one.number("on_host") * one.number("ranks")
    why = f"pools[{one.index}]"
    directives = [
        (f"--job-name={work.book.engine}-{one.role}", ""),
        (f"--nodes={nodes}", f"{why}.layout: nodes of one replica"),
        (f"--ntasks-per-node={one.number('local') if mpi else 1}", "one task a rank, by MPI" if mpi else "one server process a node"),
    ]  # fmt: skip
    if not one.facts["shares_host"]:
        directives.append(("--exclusive", "memory shares and ports count on a node of one's own"))
    if not one.facts["cpu"]:
        directives.append((f"--gpus-per-node={devices}", f"{why}.layout: ranks on one node"))
    if jobs > 1:
        directives.append((f"--array=0-{jobs - 1}", f"{why}.replicas"))
    parts = ["#!/usr/bin/env bash\n"]
    parts += [(comment(note) if note else "") + f"#SBATCH {text}\n" for text, note in directives]
    parts += [comment(t) for t in work.header]
    parts.append(comment("submit from the folder of these files: MODEL=... sbatch --export=ALL FILE"))
    parts.append('set -euo pipefail\n: "${MODEL:?see the script that this one starts}"\nexport MODEL\n')
    parts.append(': "${HOST:=0.0.0.0}"\nexport HOST\ncd "${SLURM_SUBMIT_DIR:?submit it with sbatch}"\n')
    if shared:
        parts.append(comment("a job's devices are numbered from 0") + "export FIRST_DEVICE=0\n")
    if nodes > 1 and not mpi:
        parts.append(
            'HEAD_ADDRESS="$(scontrol show hostnames "${SLURM_JOB_NODELIST:?}" | head -n 1)"\nexport HEAD_ADDRESS\n'
        )
        parts.append(comment("each node says its own number: it expands the text, not this script"))
        parts.append("# shellcheck disable=SC2016\n")
        parts.append(f"srun bash -c 'NODE_RANK=\"$SLURM_NODEID\" exec bash {shell.name(one)}'\n")
    elif mpi:
        parts.append(f"srun --mpi=pmix bash {shell.name(one)}\n")
    else:
        parts.append(f"srun bash {shell.name(one, 'launch') if shared else shell.name(one)}\n")
    return "".join(parts)
