"""Who is next."""

from __future__ import annotations

from dataclasses import dataclass

from wherewithal.app.serve.lines import Lines


@dataclass(eq=False)
class Item:
    client: str
    number: int = 0
    quick: bool = False
    seconds: float = 1.0


def everyone(lines):
    taken = []
    while (item := lines.take()) is not None:
        taken.append((item.client, item.number))
    return taken


def test_a_client_with_a_hundred_questions_does_not_starve_one_with_one():
    lines = Lines()
    for i in range(100):
        lines.add(Item("many", i))
    lines.take()
    lines.add(Item("one"))
    assert ("one", 0) in everyone(lines)[:2]


def test_clients_are_served_in_turn_and_each_in_its_own_order():
    lines = Lines()
    for client in "abc":
        for i in range(2):
            lines.add(Item(client, i))
    assert everyone(lines) == [("a", 0), ("b", 0), ("c", 0), ("a", 1), ("b", 1), ("c", 1)]


def test_quick_questions_go_first():
    lines = Lines()
    lines.add(Item("a", 1))
    lines.add(Item("b", 2, quick=True))
    assert everyone(lines) == [("b", 2), ("a", 1)]


def test_what_is_ahead_of_a_newcomer_is_one_of_each_other_client():
    lines = Lines()
    for i in range(10):
        lines.add(Item("many", i))
    lines.add(Item("few"))
    assert lines.ahead("new", quick=False) == 2.0
    assert lines.ahead("few", quick=False) == 3.0
    assert lines.ahead("many", quick=False) == 11.0
    assert lines.ahead("new", quick=True) == 0.0


def test_what_leaves_is_not_served_and_its_client_is_forgotten():
    lines = Lines()
    item, other = Item("a"), Item("b")
    lines.add(item)
    lines.add(other)
    lines.remove(item)
    lines.remove(item)
    assert (len(lines), everyone(lines), len(lines)) == (1, [("b", 0)], 0)


def test_the_last_of_the_longest_line_gives_way_to_a_modest_client_only():
    lines = Lines()
    items = [Item("many", i) for i in range(3)]
    for item in items:
        lines.add(item)
    assert lines.longest("new") is items[-1]
    assert lines.longest("many") is None
