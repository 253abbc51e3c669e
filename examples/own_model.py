"""A model of one's own, from its config.json, on one card."""

from __future__ import annotations

from pathlib import Path

import wherewithal as w

model = w.model(Path(__file__).parent / "own-model" / "config.json")
print(f"{model.parameters / 1e9:.2f} billion parameters")
print(w.plan(model, "h20-8:1", slo="tpot=30ms").verdict())
print(w.predict(model, "h20-8:1", "tp1", concurrency=8).verdict())
print(w.plan(model, "h20-8:1", input_tokens="4k", output_tokens="500").plot("memory"))
