"""The trade-off as a chart: the specification of every viewer, and a picture."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import wherewithal as w

result = w.plan("qwen3-30b-a3b", "h100-8:2", slo="tpot=20ms")
chart = result.plot("tradeoff")
print(chart)
with tempfile.TemporaryDirectory() as folder:
    spec = json.loads(chart.save(Path(folder) / "trade-off.json").read_text(encoding="utf-8"))
    print("marks:", [layer["mark"]["type"] for layer in spec["layer"]])
    picture = chart.save(Path(folder) / "trade-off.svg").read_text(encoding="utf-8")
    print("picture:", picture[:4], "with text" if "tokens/s per user" in picture else "without text")
print("others:", ", ".join(result.charts()))
