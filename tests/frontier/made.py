"""Made scales and scores, and Hypothesis strategies for them."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from wherewithal.frontier.scores import Index, Score

START = date(2024, 1, 1).toordinal()
MADE = Index("made", "Made index", False, "2026-01-01", START + 720, 0.9, None, "")
BOARDS = Index("boards", "Made boards", True, "each", START + 720, 0.95, None, "")


def score(day: int, country: str, value: float, half: float | None = 1.0, model: str = "", **more: object) -> Score:
    low, high = (None, None) if half is None else (value - half, value + half)
    name = model or f"{country.lower()}-{day}-{value:g}"
    held: dict[str, object] = {
        "day": START + day, "board": "", "model": name, "country": country, "maker": f"{country} lab", "base": country, "open": True,
        "scope": "", "value": value, "low": low, "high": high, "level": None if half is None else 0.9,
        "source": "made", "note": "",
    }  # fmt: skip
    return Score(**(held | more))  # type: ignore[arg-type]


def tables(errors: bool = True) -> st.SearchStrategy[list[Score]]:
    """Return lists of scores of two countries, each with one at the least."""
    halves = st.floats(0.1, 5) if errors else st.none()
    one = st.builds(score, st.integers(0, 700), st.sampled_from(["AA", "BB"]), st.integers(10, 60).map(float), halves)
    return st.lists(one, min_size=0, max_size=14).map(
        lambda found: [
            score(0, "AA", 20.0, None if not errors else 1.0),
            score(3, "BB", 21.0, None if not errors else 1.0),
            *found,
        ]
    )
