"""Whole answers, kept: any change of a figure by more than 1e-6, or of the structure, shows here.

`pytest --update-golden tests/golden` writes them anew; the diff is then read by a person. Times, versions and the stamp
of the catalog are masked; of a frontier the rows' main figures are kept, of the best plan everything.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from wherewithal import ask
from wherewithal.plan.setup import Question

HERE = Path(__file__).parent
RTOL = 1e-6
MASKED = ("elapsed_s", "version", "catalog")
ROW = ("serving", "chips", "concurrency", "feasible", "evidence", "usd_per_hour")
FIGURES = (
    "ttft_s",
    "tpot_s",
    "output_tokens_per_s",
    "power_w",
    "joules_per_output_token",
    "usd_per_million_output_tokens",
)

ASKED: dict[str, tuple[str, Any]] = {
    "plan-dense": ("plan", Question("qwen3-32b", "h100-8:16", slo="ttft=2s,tpot=30ms")),
    "plan-experts": ("plan", Question("deepseek-v3", "h20-8:32", slo="ttft=2s,tpot=50ms")),
    "plan-load": ("plan", Question("qwen3-next-80b-a3b", "mi300x-8", rate_per_s=3.0, slo="ttft.p95=3s,tpot.p95=40ms")),
    "plan-pools": ("plan", Question("qwen3-30b-a3b", "prefill=h100-8:8,decode=h20-8:16", slo="ttft=1s,tpot=20ms")),
    "plan-workload": ("plan", Question("gpt-oss-120b", "gb200-nvl72:8", workload="inferencex-8k1k", slo="tpot=20ms")),
    "plan-set": ("plan", Question("llama-3.1-8b", "l4-8:4", overrides=("chip.memory=48GB", "price.rent=1USD/h", "site.pue=1.1"))),
    "plan-power": ("plan", Question("qwen3-32b", "h100-8", slo="tpot=40ms", power_limit_w=6000.0)),
    "plan-offload": ("plan", Question("qwen3-30b-a3b", "rtx-4090-1", offload=True)),
    "plan-memory": ("plan", Question("qwen3-32b", "rtx-4090-1")),
    "plan-misses": ("plan", Question("qwen3-32b", "h100-8", slo="ttft=50ms,tpot=3ms")),
    "predict-one": ("predict", Question("qwen3-32b", "h100-8:2", layout="tp2", concurrency=32)),
    "predict-pools": ("predict", Question(
        "deepseek-v3", "cloudmatrix-384:64", layout="prefill: 2x tp1 dp32 ep32; decode: 1x tp1 dp64 ep64", rate_per_s=2.0)),
    "compare": ("compare", [Question("deepseek-v3", on, slo="tpot=50ms") for on in ("h200-8:16", "cloudmatrix-384:32", "mi300x-8:16")]),
}  # fmt: skip


def brief(plan: dict[str, Any]) -> dict[str, Any]:
    """Return the main figures of a plan, and where it runs."""
    pools = [[p["role"], p["chips"], p["replicas"], p["layout"], p["batch_per_replica"]] for p in plan["pools"]]
    values = {name: plan[name] and [plan[name][k] for k in ("value", "low", "high")] for name in FIGURES}
    return {**{name: plan[name] for name in ROW}, **values, "pools": pools}


def kept(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of an answer."""
    answer = {k: v for k, v in answer.items() if k not in MASKED}
    if "answers" in answer:
        answer["answers"] = [{**kept(a), "best": a["best"] and brief(a["best"])} for a in answer["answers"]]
        return answer
    rows = answer["frontier"]
    answer["frontier"] = (
        [brief(p) for p in rows] if len(rows) < 6 else [brief(p) for p in (*rows[:2], rows[len(rows) // 2], *rows[-2:])]
    )
    answer["closest"] = answer["closest"] and brief(answer["closest"])
    answer["frontier_rows"] = len(rows)
    return answer


def differences(old: Any, new: Any, path: str = "answer") -> list[str]:
    """Return where two answers differ: figures by more than RTOL, anything else at all."""
    if isinstance(old, dict) and isinstance(new, dict):
        out = [f"{path}: keys {sorted(set(old) ^ set(new))}"] if set(old) != set(new) else []
        return out + [d for k in old if k in new for d in differences(old[k], new[k], f"{path}.{k}")]
    if isinstance(old, list) and isinstance(new, list):
        out = [f"{path}: {len(old)} entries, now {len(new)}"] if len(old) != len(new) else []
        return out + [
            d for i, (a, b) in enumerate(zip(old, new, strict=False)) for d in differences(a, b, f"{path}[{i}]")
        ]
    if _number(old) and _number(new):
        return [] if math.isclose(old, new, rel_tol=RTOL, abs_tol=1e-300) else [f"{path}: {old!r}, now {new!r}"]
    return [] if old == new and type(old) is type(new) else [f"{path}: {old!r}, now {new!r}"]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@pytest.mark.parametrize("name", ASKED)
def test_answers_stay(name: str, update_golden: bool) -> None:
    verb, q = ASKED[name]
    found = json.loads(json.dumps(kept(getattr(ask, verb)(q).to_dict())))
    file = HERE / f"{name}.json"
    if update_golden:
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    assert file.is_file(), "no golden file: pytest --update-golden tests/golden"
    wrong = differences(json.loads(file.read_text(encoding="utf-8")), found)
    assert not wrong, "\n".join(wrong[:20])


def test_no_golden_file_is_left_over() -> None:
    assert {f.stem for f in HERE.glob("*.json")} == set(ASKED)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": 1.0}, {"a": 1.0 + 1e-9}, 0),
        ({"a": 1.0}, {"a": 1.0 + 1e-5}, 1),
        ({"a": 1}, {"a": 1.0}, 0),
        ({"a": "x"}, {"a": "y"}, 1),
        ({"a": [1, 2]}, {"a": [1]}, 1),
        ({"a": None}, {"a": 0.0}, 1),
        ({"a": True}, {"a": 1}, 1),
        ({"a": 1}, {"b": 1}, 1),
    ],
)
def test_what_counts_as_a_difference(old: Any, new: Any, said: int) -> None:
    assert len(differences(old, new)) == said
