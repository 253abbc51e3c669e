"""What the system's own tools say about this machine, as they print it: cards, processor, memory. No guess is made."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

MOST_BYTES = 1 << 20  # more than any of these tools prints for a rack


@dataclass(frozen=True)
class Said:
    """What a command answered: its text, or why there is none (`missing`, `failed`, `hangs`)."""

    text: str = ""
    why: str = ""


@dataclass(frozen=True)
class Card:
    """One accelerator as a tool prints it.

    Attributes:
        tool: which command said so.
        name: as printed.
        memory_bytes: [B]; None where the tool does not say (unified memory).
        power_w: [W] limit; None where the tool does not say.
        other: another name of the same card to look up (architecture), empty without.
        sliced: whether it is cut into slices that are not whole chips.
    """

    tool: str
    name: str
    memory_bytes: float | None = None
    power_w: float | None = None
    other: str = ""
    sliced: bool = False


@dataclass(frozen=True)
class Processor:
    """The processor as the system prints it; 0 and empty where it does not say.

    Attributes:
        name, maker: as printed.
        sockets, cores: packages, and physical cores over all of them.
        hertz: [1/s] clock.
        flags: instruction sets.
        memory_bytes: [B] of the machine.
        bandwidth_bytes_per_s: [B/s] from the modules' own rate; 0 where it cannot be read.
        source: commands and files that said so.
    """

    name: str = ""
    maker: str = ""
    sockets: int = 1
    cores: int = 0
    hertz: float = 0.0
    flags: frozenset[str] = frozenset()
    memory_bytes: float = 0.0
    bandwidth_bytes_per_s: float = 0.0
    source: str = ""


Run = Callable[[Sequence[str]], Said]
Read = Callable[[str], str]


def ask(command: Sequence[str], limit_s: float = 2.0) -> Said:
    """Run a tool without a shell and return what it prints; it is stopped after `limit_s` [s] with all its children."""
    try:
        child = subprocess.Popen(  # noqa: S603 - fixed commands of this module, never from input
            list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"}, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError):
        return Said(why="missing")
    try:
        out, _ = child.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        _stop(child)
        return Said(why="hangs")
    text = out[:MOST_BYTES].decode("utf-8", "replace")
    return Said(text) if child.returncode == 0 and text.strip() else Said(why="failed")


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End a tool and what it started; one that cannot be ended (stuck in a driver) is left behind, not waited for."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired, OSError):
        child.communicate(timeout=0.2)


def read(path: str) -> str:
    """Return a small text file, empty where there is none."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


# Cards, one function a maker: (cards, what to tell)


def nvidia(run: Run) -> tuple[list[Card], list[str]]:
    """Return the cards that nvidia-smi lists."""
    fields = "name,memory.total,power.limit,mig.mode.current"
    said = run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"])
    if said.why:
        return [], _silent("nvidia-smi", said)
    cards = []
    for row in csv.reader(said.text.splitlines(), skipinitialspace=True):
        if len(row) != 4 or not re.search("[A-Za-z]", row[0]) or "failed" in row[0].lower():
            return [], ["nvidia-smi: answers in a way that is not understood"]
        size, limit = _number(row[1]), _number(row[2])
        sliced = row[3].strip().lower() == "enabled"
        cards.append(Card("nvidia-smi", row[0].strip(), size * 2.0**20 if size else None, limit, sliced=sliced))
    return cards, []


def amd(run: Run) -> tuple[list[Card], list[str]]:
    """Return the cards that rocm-smi lists, or rocminfo where that is not there."""
    said = run(["rocm-smi", "--showproductname", "--showmeminfo", "vram", "--showmaxpower", "--json"])
    if said.why:
        return _rocminfo(run, _silent("rocm-smi", said))
    try:
        start = said.text.index("{")
        table = json.loads(said.text[start : said.text.rindex("}") + 1])
        rows = [v for k, v in sorted(table.items()) if k.startswith("card")]
        return [_amd_card(row) for row in rows], []
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return _rocminfo(run, ["rocm-smi: answers in a way that is not understood"])


def _amd_card(row: dict[str, str]) -> Card:
    low = {k.lower(): str(v) for k, v in row.items()}
    name = next(
        (
            low[k]
            for k in ("card series", "device name", "card model")
            if low.get(k, "").strip() and not low[k].startswith("0x")
        ),
        "",
    )
    size = _number(low.get("vram total memory (b)", ""))
    power = next((_number(v) for k, v in low.items() if k.startswith("max graphics package power")), None)
    return Card("rocm-smi", name.strip() or "AMD card without a name", size, power, low.get("gfx version", ""))


def _rocminfo(run: Run, notes: list[str]) -> tuple[list[Card], list[str]]:
    said = run(["rocminfo"])
    if said.why:
        return [], notes if said.why == "missing" else [*notes, *_silent("rocminfo", said)]
    cards = []
    for agent in re.split(r"\*{5,}\s*\nAgent \d+", said.text)[1:]:
        if re.search(r"Device Type:\s+GPU", agent):
            name, arch = re.search(r"Marketing Name:[ \t]*(.*)", agent), re.search(r"\n\s*Name:[ \t]*(gfx\w+)", agent)
            sizes = [int(s) for s in re.findall(r"Segment:\s+GLOBAL[^\n]*\n\s*Size:\s+(\d+)", agent)]
            printed = name[1].strip() if name else ""
            card = Card("rocminfo", printed or "AMD card without a name", max(sizes) * 1024.0 if sizes else None)
            cards.append(replace(card, other=arch[1] if arch else ""))
    return cards, notes if cards else [*notes, "rocminfo: lists no card"]


def huawei(run: Run) -> tuple[list[Card], list[str]]:
    """Return the devices that npu-smi lists; each chip line below a device's line is one device of software."""
    said = run(["npu-smi", "info"])
    if said.why:
        return [], _silent("npu-smi", said)
    cards: list[Card] = []
    name = ""
    for line in said.text.splitlines():
        head = re.match(
            r"\|\s*\d+\s+([A-Za-z0-9]*\d[A-Za-z0-9]*)\s*\|\s*(OK|Warning|Alarm|Critical|UNKNOWN)\s*\|", line
        )
        if head:
            name = head[1]
            continue
        body = re.match(r"\|\s*\d+(?:\s+\d+)?\s*\|\s*[0-9A-Fa-f]{4}:[0-9A-Fa-f:.]+\s*\|(.*)", line)
        if body and name:
            totals = [int(total) for _, total in re.findall(r"(\d+)\s*/\s*(\d+)", body[1])]
            most = max(totals, default=0)
            cards.append(Card("npu-smi", name, most * 2.0**20 if most else None))
    return cards, [] if cards else ["npu-smi: answers in a way that is not understood"]


def apple(run: Run) -> tuple[list[Card], list[str]]:
    """Return the chip of a Mac with unified memory; an Intel Mac has none."""
    said = run(["sysctl", "-n", "machdep.cpu.brand_string", "hw.memsize"])
    lines = said.text.split("\n")
    if said.why or not lines[0].startswith("Apple "):
        return [], []
    size = _number(lines[1]) if len(lines) > 1 else None
    return [Card("sysctl", lines[0].strip(), size)], []


# Processor and memory


def processor(run: Run, read_file: Read) -> Processor:
    """Return the processor and the memory of the machine, from /proc on Linux, from sysctl on a Mac."""
    text = read_file("/proc/cpuinfo")
    if not text.strip():
        return _mac(run)
    board = read_file("/proc/device-tree/model").strip("\0 \n")
    fields = [
        dict(re.findall(r"^([^:\n]+?)\s*:[ \t]*(.*)$", part, re.MULTILINE)) for part in re.split(r"\n\s*\n", text)
    ]
    units = [f for f in fields if "processor" in f or "physical id" in f] or fields[:1]
    first = units[0]
    packages = {f["physical id"] for f in units if "physical id" in f}
    pairs = {(f["physical id"], f["core id"]) for f in units if "core id" in f and "physical id" in f}
    flags = frozenset((first.get("flags") or first.get("Features") or "").split())
    rate, source = _modules(run)
    memory = _memory(read_file)
    return Processor(
        name=first.get("model name") or board or first.get("Model", ""),
        maker=first.get("vendor_id") or first.get("CPU implementer", ""),
        sockets=max(1, len(packages)),
        cores=len(pairs) or len(units),
        hertz=_clock(first, read_file),
        flags=flags,
        memory_bytes=memory,
        bandwidth_bytes_per_s=rate,
        source="/proc/cpuinfo, /proc/meminfo" + (f", {source}" if source else ""),
    )


def _memory(read_file: Read) -> float:
    """Return [B] of memory, or of the container's limit where that is less; 0 if not said."""
    said = re.search(r"^MemTotal:\s+(\d+) kB", read_file("/proc/meminfo"), re.MULTILINE)
    total = int(said[1]) * 1024.0 if said else 0.0
    limit = _number(read_file("/sys/fs/cgroup/memory.max").strip())
    return min(total, limit) if limit and total else total


def _clock(first: dict[str, str], read_file: Read) -> float:
    """Return [1/s] the base clock, else the one in the name, else the highest, else the present one; 0 without any."""
    folder = "/sys/devices/system/cpu/cpu0/cpufreq"
    named = re.search(r"@ ([\d.]+) ?GHz", first.get("model name", ""))
    base, top = (_number(read_file(f"{folder}/{name}")) for name in ("base_frequency", "cpuinfo_max_freq"))
    now = _number(first.get("cpu MHz", ""))
    found = [(base or 0) * 1e3, float(named[1]) * 1e9 if named else 0.0, (top or 0) * 1e3, (now or 0) * 1e6]
    return next((f for f in found if f > 0), 0.0)


def _modules(run: Run) -> tuple[float, str]:
    """Return [B/s] of the memory modules by dmidecode: channels that hold one x 8 bytes x their rate; 0 if not said."""
    said = run(["dmidecode", "-t", "memory"])
    channels: dict[str, float] = {}
    for part in re.split(r"\n\s*\n", said.text):
        size, rate = (
            re.search(r"^\s*Size: \d+ [MG]B", part, re.MULTILINE),
            re.search(r"Configured (?:Memory|Clock) Speed: (\d+) MT/s", part),
        )
        place = re.search(
            r"^\s*(?:Bank )?Locator: .*?(?:P(\d+))?.*?CHANNEL[ _]?([A-P])", part, re.MULTILINE | re.IGNORECASE
        )
        if size and rate and place:
            channels[f"{place[1] or 0}{place[2].upper()}"] = float(rate[1]) * 1e6 * 8
    return sum(channels.values()), "dmidecode" if channels else ""


def _mac(run: Run) -> Processor:
    said = run(["sysctl", "-n", "machdep.cpu.brand_string", "hw.memsize", "hw.physicalcpu"])
    lines = [line.strip() for line in said.text.splitlines()]
    if said.why or len(lines) < 3:
        return Processor()
    flags = frozenset({"asimd"}) if lines[0].startswith("Apple") else frozenset()
    return Processor(lines[0], "", 1, int(_number(lines[2]) or 0), 0.0, flags, _number(lines[1]) or 0.0, 0.0, "sysctl")


def _silent(tool: str, said: Said) -> list[str]:
    words = {"hangs": "no answer in time, stopped", "failed": "there, but reports an error (no driver or no card)"}
    return [f"{tool}: {words[said.why]}"] if said.why in words else []


def _number(text: str) -> float | None:
    """Return the number that a cell starts with; None for `[N/A]` and the like, for zero and below."""
    found = re.match(r"\s*(\d+(?:\.\d+)?)(?![\w.])", text or "")
    value = float(found[1]) if found else 0.0
    return value if 0 < value < 1e18 else None
