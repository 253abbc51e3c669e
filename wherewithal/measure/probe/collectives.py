"""Collectives between the devices of this machine, through torch.distributed: one process a device, started here.

A rank runs as `python -m wherewithal.measure.probe.collectives RANK RANKS KIND STORE`; rank 0 prints what it measured.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from wherewithal.measure.probe.file import Operator
from wherewithal.measure.probe.timing import Sample, summed

KINDS = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send")
# Library of collectives by device kind.
_THROUGH = {"cuda": "nccl", "rocm": "nccl", "npu": "hccl", "xpu": "xccl", "cpu": "gloo"}
_BYTES = (8192, 131072, 1048576, 16777216, 134217728)
_REPEATS, _LEAST_S, _LIMIT_S = 7, 0.005, 300.0


def measured(kind: str, ranks: int, limit_s: float = _LIMIT_S) -> tuple[list[Operator], str]:
    """Return the collectives between `ranks` devices, and why there are none where there are none.

    Args:
        kind: device kind of a probe file.
        ranks: devices, the first of the machine.
        limit_s: [s] after which all processes are ended.
    """
    if ranks < 2 or kind not in _THROUGH:
        return [], "one device"
    folders = [str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "store")
        words = [sys.executable, "-m", __name__]
        said = Path(folder) / "said"
        with said.open("w", encoding="utf-8") as out:
            running = [_started([*words, str(r), str(ranks), kind, store], environment, out) for r in range(ranks)]
            try:
                running[0].wait(timeout=limit_s)
            except subprocess.TimeoutExpired:  # what was said until then is kept
                pass
            finally:
                for process in running:
                    process.kill()
                    process.wait()
        lines = said.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}\n")]
    return [Operator(**row) for row in rows], "" if rows else f"the {ranks} devices did not talk to each other"


def _started(words: Sequence[str], environment: dict[str, str], out: IO[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(words, stdout=out, stderr=subprocess.DEVNULL, env=environment)  # noqa: S603  our own module


def _call(torch: Any, kind: str, rank: int, ranks: int, place: str, size: int) -> Callable[[], Any]:
    """Return one collective whose rank brings `size` bytes [B]."""
    dist = torch.distributed
    elements = max(ranks, size // 4 // ranks * ranks)
    mine = torch.ones(elements, device=place)
    part = torch.ones(elements // ranks, device=place)
    whole = torch.ones(elements * ranks, device=place) if kind == "all_gather" else mine
    if kind == "send":
        return lambda: dist.send(mine, 1) if rank == 0 else dist.recv(mine, 0) if rank == 1 else None
    return {
        "all_reduce": lambda: dist.all_reduce(mine),
        "all_gather": lambda: dist.all_gather_into_tensor(whole, mine),
        "reduce_scatter": lambda: dist.reduce_scatter_tensor(part, mine),
        "all_to_all": lambda: dist.all_to_all_single(torch.empty_like(mine), mine),
    }[kind]


def _timed(work: Callable[[], Any], wait: Callable[[], Any], agree: Callable[[float], float]) -> list[Sample]:
    """Return repeats of a collective; all ranks loop as often, as the slowest first try says."""
    samples: list[Sample] = []
    loops = 1
    for repeat in range(_REPEATS + 2):
        start = time.perf_counter()
        for _ in range(loops):
            work()
        wait()
        each = agree((time.perf_counter() - start) / loops)
        if repeat == 1:
            loops = max(1, min(1000, round(_LEAST_S / max(each, 1e-9))))
        elif repeat > 1:
            samples.append(Sample(each))
    return samples


def main(words: Sequence[str]) -> int:
    """Run one rank: its number, how many, device kind, file where ranks meet."""
    rank, ranks, kind, store = int(words[0]), int(words[1]), words[2], words[3]
    torch = importlib.import_module("torch")
    name = "cuda" if kind == "rocm" else kind
    place = "cpu" if kind == "cpu" else f"{name}:{rank}"
    if kind == "npu":
        importlib.import_module("torch_npu")
    if kind != "cpu":
        getattr(torch, name).set_device(rank)
    torch.distributed.init_process_group(_THROUGH[kind], init_method=f"file://{store}", rank=rank, world_size=ranks)
    wait = (lambda: None) if kind == "cpu" else getattr(torch, name).synchronize

    def agree(seconds: float) -> float:
        slowest = torch.tensor([seconds], device=place)
        torch.distributed.all_reduce(slowest, op=torch.distributed.ReduceOp.MAX)
        return float(slowest.item())

    for collective in KINDS:
        for size in _BYTES:
            try:
                work = _call(torch, collective, rank, ranks, place, size)
                t = summed(_timed(work, wait, agree))
            except (RuntimeError, ValueError):  # what a library says to a collective or a size that it lacks
                break
            if rank == 0 and t.seconds > 0:
                sizes = {"bytes": float(size), "ranks": float(ranks)}
                row = {"kind": collective, "format": "fp32", "sizes": sizes, "seconds": t.seconds, "low": t.low, "high": t.high, "repeats": t.repeats}  # fmt: skip
                sys.stdout.write(json.dumps(row) + "\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
