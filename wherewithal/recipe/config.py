"""The engine's own configuration file, for what has no argument."""

from __future__ import annotations

from wherewithal.recipe.lines import Server, nested
from wherewithal.recipe.yaml_text import Noted, comment, dump


def text(one: Server, header: tuple[str, ...]) -> str:
    """Return the configuration of one server as YAML, each entry with the plan's field that it comes from."""
    tree = nested((key, Noted(value, why)) for key, value, why in one.config)
    return "".join(f"{comment(t)}\n" for t in header) + dump(tree)
