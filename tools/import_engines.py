"""Write catalog/data/engines/*.toml from the engine tables and measurements of the shared data folder.

Usage: python tools/import_engines.py DATA_FOLDER [OUT_FOLDER]. Numbers are looked up in the tables by engine,
version, name and condition; a row that is no longer there stops the import. Host times are bounds from measurements.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd

CHECKED = "2026-11-24"
GIB = "GiB"
ANY_KIND = ["accelerator", "superchip", "consumer-gpu", "workstation-gpu", "desktop-soc", "edge", "cpu", "sbc"]
GPU_KINDS = ["accelerator", "superchip", "consumer-gpu", "workstation-gpu", "desktop-soc", "edge"]
GGUF = [
    "q8_0",
    "q6_k",
    "q6_k_xl",
    "q5_k_m",
    "q5_k_s",
    "q5_1",
    "q5_0",
    "q4_k_xl",
    "q4_k_m",
    "q4_k_s",
    "q4_1",
    "q4_0",
    "q3_k_l",
    "q3_k_m",
    "q3_k_s",
    "q2_k",
    "q2_k_s",
    "iq4_nl",
    "iq4_xs",
    "iq3_m",
    "iq3_s",
    "iq3_xs",
    "iq3_xxs",
    "iq2_m",
    "iq2_s",
    "iq2_xs",
    "iq2_xxs",
    "iq1_m",
    "iq1_s",
    "tq2_0",
    "tq1_0",
    "mxfp4",
    "nvfp4",
]
PLAIN = ["bf16", "fp16", "fp32", "fp8", "int8", "int6", "int5", "int4", "nvfp4", "mxfp4", "mxfp6"]
FAMILY = {"mlx": "mlx-lm"}


class Tables:
    """The shared tables, with look-up by words."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.behaviour = pd.read_csv(data / "engines/behaviour.csv", dtype=str, keep_default_na=False)
        self.capabilities = pd.read_csv(data / "engines/capabilities.csv", dtype=str, keep_default_na=False)
        self.chips = pd.read_csv(data / "chips.csv", dtype=str, keep_default_na=False).set_index("name")
        systems = pd.read_csv(data / "systems.csv", dtype=str, keep_default_na=False)
        chip_of = systems.drop_duplicates("name").set_index("name").chip
        measured = pd.read_csv(data / "measured/inference.csv.gz", low_memory=False)
        measured["of"] = measured.chip.fillna(measured.system.map(chip_of))
        for column, to in (("maker", "maker"), ("kind", "class")):
            measured[column] = measured.of.map(self.chips[to])
        measured["family"] = measured.engine.replace(FAMILY)
        self.measured = measured
        self.sources: dict[str, str] = {}
        self._stored: dict[str, str] = {}

    def row(self, engine: str, version: str, what: str, condition: str = "") -> pd.Series:
        """Return the one row that fits."""
        b = self.behaviour
        fit = b[
            (b.engine == engine)
            & (b.version == version)
            & (b.what == what)
            & b.condition.str.contains(condition, regex=False)
        ]
        if len(fit) != 1:
            raise SystemExit(f"{engine} {version} {what} {condition!r}: {len(fit)} rows, not one")
        return fit.iloc[0]

    def key(self, source: str) -> str:
        """Return a short key for a source text, and keep the pair."""
        words = re.sub(r"[^a-z0-9.]+", "-", source.lower().split("@")[0] + " " + source.rsplit("/", 1)[-1].lower())
        short = "-".join(dict.fromkeys(words.strip("-").split("-")))[:60].rstrip("-.").replace(".", "-")
        while self.sources.get(short, source) != source:
            short += "x"
        self.sources[short] = source
        return short

    def read(self, row: pd.Series, text: str = "", derived: str = "", **more: Any) -> dict[str, Any]:
        """Return a row as a figure; `text` replaces its value (then `derived` says how)."""
        known = "derived" if derived and row.status == "read" else row.status
        note = "; ".join(p for p in (derived, row.condition) if p)
        return {"is": text or row.value, "known": known, "from": self.key(row.source), "note": note, **more}

    def said(self, row: pd.Series, note: str = "") -> dict[str, Any]:
        """Return how a row is known."""
        return {"known": row.status, "from": self.key(row.source), "note": note or row.get("condition", "")}

    def capability(self, engine: str, what: str) -> pd.Series:
        """Return a row of the capabilities."""
        c = self.capabilities
        fit = c[(c.engine == engine) & (c.capability == what)]
        if len(fit) != 1:
            raise SystemExit(f"{engine} {what}: {len(fit)} capability rows")
        return fit.iloc[0]

    def rule(self, engine: str, what: str, need: str, say: str) -> dict[str, Any]:
        """Return a layout rule backed by a capability row."""
        row = self.capability(engine, what)
        return {"need": need, "say": say, "known": row.status, "from": self.key(row.source), "note": row["limits"]}

    def own(
        self, text: str, known: str, note: str, source: str = "wherewithal: tools/import_engines.py"
    ) -> dict[str, Any]:
        """Return a figure that arithmetic here made."""
        return {"is": text, "known": known, "from": self.key(source), "note": note}

    def stored(self, model: str) -> str:
        """Return the weight format of a model's checkpoint, empty where its config does not say."""
        if model not in self._stored:
            self._stored[model] = _checkpoint(self.data, model)
        return self._stored[model]

    def runs(self, families: list[str], also: dict[str, list[str]], kv: list[str], note: str) -> list[dict[str, Any]]:
        """Return where measurements show the engines running: makers, kinds and weight formats.

        `also`: maker to formats that the engine's own sources name beside those seen.
        """
        seen = self.measured[self.measured.family.isin(families) & self.measured.maker.notna()]
        entries = []
        for maker, rows in seen.groupby("maker"):
            kinds = sorted(set(rows.kind), key=ANY_KIND.index)
            said = {m[1] for p in rows.precision.dropna() for m in [re.search(r"weights=(\S+)", p)] if m}
            silent = rows[~rows.precision.fillna("").str.contains("weights=")]
            said |= {self.stored(m) for m in silent.model.unique()} | {"bf16"} | set(also.get(str(maker), ()))
            weights = [f for f in dict.fromkeys((*PLAIN, *GGUF)) if f in said]
            kvs = {m[1] for p in rows.precision.dropna() for m in [re.search(r"kv=(\S+)", p)] if m}
            names = ", ".join(sorted(set(rows.source)))
            entries.append(
                {
                    "makers": [maker], "kinds": kinds, "weights": weights,
                    "activations": [f for f in PLAIN if f in {"bf16", "fp16"} | ({*weights} & {"fp8", "int8", "nvfp4", "mxfp4"})],
                    "kv": [f for f in dict.fromkeys((*PLAIN, *GGUF)) if f in kvs | set(kv) | {"bf16", "fp16"}],
                    "known": "derived", "from": self.key(f"measured/inference.csv.gz: {names}"),
                    "note": f"{len(rows)} measured rows{note}",
                }
            )  # fmt: skip
        return entries


def _checkpoint(data: Path, model: str) -> str:
    path = data / "models" / f"{model}.json"
    if not path.exists():
        return ""
    config = json.loads(path.read_text())
    inner = config.get("text_config") or {}
    quantised = config.get("quantization_config") or inner.get("quantization_config")
    if not quantised:
        kind = str(config.get("torch_dtype") or config.get("dtype") or inner.get("torch_dtype") or "")
        return {"bfloat16": "bf16", "float16": "fp16"}.get(kind, "")
    method, form = str(quantised.get("quant_method")), str(quantised.get("format") or quantised.get("quant_algo") or "")
    if method in ("awq", "gptq") or form == "pack-quantized":
        return "int4"
    words = f"{method} {form}".lower()
    return next((f for f in ("nvfp4", "mxfp4", "fp8", "int8") if f in words), "fp8" if "float" in words else "")


def least_step(t: Tables, families: list[str]) -> tuple[float, str]:
    """Return [s] the shortest measured step without speculation, and which row: no host needs more for one sequence."""
    m = t.measured
    rows = m[m.family.isin(families) & (m.metric == "tpot_s") & (m.weight > 0.3) & (m.concurrency <= 1)]
    # Diffusion language models emit several tokens a step; their gaps are not steps.
    rows = rows[rows.accepted_tokens_per_step.isna() & ~rows.model.str.contains("llada|dflash")].sort_values("value")
    best = rows.iloc[0]
    return float(best.value), f"{best.model} on {best.chips:g} x {best.of}, {best.source} {best.engine_version}"


def least_per_sequence(t: Tables, families: list[str], step: float) -> tuple[float, str] | None:
    """Return [s] the largest host time of one sequence that no measured step contradicts, and the row that sets it."""
    m = t.measured
    keys = ["source", "source_ref", "layout", "concurrency", "input_tokens", "output_tokens", "chips"]
    m = m[m.family.isin(families) & (m.weight > 0.3) & m.accepted_tokens_per_step.isna() & (m.load == "closed")]
    m = m[~m.serving.fillna("").eq("disaggregated") & ~m.model.str.contains("llada|dflash") & m.output_tokens.notna()]
    gap, first = (m[m.metric == name].drop_duplicates(keys) for name in ("tpot_s", "ttft_s"))
    both = gap.merge(first[[*keys, "value"]].rename(columns={"value": "first"}), on=keys)
    size = {
        k: both.layout.fillna("").str.extract(rf"\b{k}(\d+)")[0].astype(float).fillna(1) for k in ("tp", "pp", "dp")
    }
    schedulers = size["dp"] * (both.chips / (size["tp"] * size["pp"] * size["dp"])).clip(lower=1)
    # Little's law: of a request's life only the share after its first token is in flight, the rest waits.
    decode = both.output_tokens * both.value
    both["running"] = both.concurrency * decode / (decode + both["first"]) / schedulers
    both = both[both.running >= 64]
    if both.empty:
        return None
    both["each"] = (both.value - step) / both.running
    best = both.sort_values("each").iloc[0]
    return float(best.each), f"{best.model} on {best.chips:g} x {best.of}, {best.running:.0f} in flight, {best.source}"


def least_ttft(t: Tables, families: list[str], step: float) -> tuple[float, str]:
    """Return [s] the shortest measured time to first token less one step, and which row."""
    m = t.measured
    rows = m[m.family.isin(families) & (m.metric == "ttft_s") & (m.weight > 0.3) & (m.concurrency <= 1)].sort_values(
        "value"
    )
    best = rows.iloc[0]
    return max(
        0.0, float(best.value) - step
    ), f"{best.model} on {best.chips:g} x {best.of}, {best.source} {best.engine_version}"


def ms(value: float) -> str:
    """Return seconds as text."""
    return f"{value * 1e3:.4g} ms" if value >= 1e-3 else f"{value * 1e6:.4g} us"


def middle(values: list[float]) -> float:
    """Return the median."""
    return float(pd.Series(values).median())


def toml(value: Any) -> str:
    """Return a value in TOML; tables inside are inline."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {toml(v)}" for k, v in value.items() if v not in ("", [], None)) + "}"
    if any(isinstance(v, dict) for v in value):
        return "[\n" + "".join(f"    {toml(v)},\n" for v in value) + "]"
    return "[" + ", ".join(toml(v) for v in value) + "]"


def dump(record: dict[str, Any]) -> str:
    """Return an engine file's text."""
    lines = [f"{k} = {toml(v)}" for k, v in record.items() if not isinstance(v, (dict, list))]
    for name, table in record.items():
        if isinstance(table, list):
            for entry in table:
                lines += ["", f"[[{name}]]", *(f"{k} = {toml(v)}" for k, v in entry.items() if v not in ("", []))]
        elif isinstance(table, dict) and name == "versions":
            for version, parts in table.items():
                lines += ["", f'[versions."{version}"]']
                for part, inner in parts.items():
                    if isinstance(inner, list):
                        lines.append(f"{part} = {toml(inner)}")
                for part, inner in parts.items():
                    if isinstance(inner, dict):
                        lines += [f'[versions."{version}".{part}]', *(f"{k} = {toml(v)}" for k, v in inner.items())]
        elif isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{k} = {toml(v)}" for k, v in table.items() if v != [])]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Import all engines."""
    import engine_parts

    data = Path(sys.argv[1])
    home = Path(__file__).resolve().parent.parent
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else home / "wherewithal/catalog/data/engines"
    out.mkdir(parents=True, exist_ok=True)
    t = Tables(data)
    for make in engine_parts.ALL:
        t.sources = {}
        record = make(t)
        record["sources"] = dict(t.sources)
        (out / f"{record['name']}.toml").write_text(dump(record), encoding="utf-8")
        sys.stdout.write(f"{record['name']}\n")


if __name__ == "__main__":
    main()
