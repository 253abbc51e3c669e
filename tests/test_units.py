"""Units: text to numbers and back, against pint, and what is refused."""

from __future__ import annotations

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherewithal.errors import InputError
from wherewithal.units import UNITS, number, parse, show, show_gib

ureg = pint.UnitRegistry()
ORACLE = [
    ("2s", "s", "second"), ("50ms", "s", "second"), ("3 us", "s", "second"), ("1.5 h", "s", "second"),
    ("4 y", "s", "second"), ("80GB", "bytes", "byte"), ("96 GiB", "bytes", "byte"), ("97871 MiB", "bytes", "byte"),
    ("4.8 TB/s", "bytes_per_s", "byte/second"), ("500kW", "w", "watt"), ("2 kWh", "j", "joule"), ("5 nm", "m", "meter"),
    ("12 MJ", "j", "joule"), ("7 PB", "bytes", "byte"), ("3 TiB", "bytes", "byte"), ("250 kB/s", "bytes_per_s", "byte/second"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "unit", "base"), ORACLE)
def test_pint_agrees(text: str, unit: str, base: str) -> None:
    spelled = text.replace(" y", " year")
    assert parse(text, unit, "x") == pytest.approx(ureg(spelled).to(base).magnitude, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("2.5USD/h", "usd_per_h", 2.5), ("10rps", "per_s", 10.0), ("4k", "tokens", 4000.0), ("4ki", "tokens", 4096.0),
        ("4000", "tokens", 4000.0), ("148 TFLOP/s", "flops_per_s", 148e12), ("296 TOP/s", "flops_per_s", 296e12),
        ("1,979 TOP/s", "flops_per_s", 1979e12), ("200 Gb/s", "bytes_per_s", 25e9), ("25 GB/s", "bytes_per_s", 25e9),
        ("0.08 USD/kWh", "usd_per_j", 0.08 / 3.6e6), ("50%", "1", 0.5), ("0.2", "1", 0.2), ("1_000 tokens", "tokens", 1000.0),
        ("60 rpm", "per_s", 1.0), ("1e3 J", "j", 1000.0), (".5 s", "s", 0.5), ("128k tokens", "tokens", 128000.0),
    ],
)  # fmt: skip
def test_what_text_means(text: str, unit: str, value: float) -> None:
    assert parse(text, unit, "x") == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "line"),
    [
        ("2", "s", '--slo ttft: "2" has no unit; write 2s or 2000ms'),
        ("80", "bytes", '--slo ttft: "80" has no unit; write 80GB or 80GiB'),
        ("4.8 TBs", "bytes_per_s", '--slo ttft: "4.8 TBs": unknown unit "TBs"; did you mean "TB/s"?'),
        ("5 parsecs", "s", '--slo ttft: "5 parsecs": unknown unit "parsecs"; did you mean "sec"?'),
        ("5 qqq", "s", '--slo ttft: "5 qqq": unknown unit "qqq"; units that fit: s or ms'),
        ("nan s", "s", '--slo ttft: "nan s": not a number with a unit; write for example 2s or 50ms'),
        ("inf s", "s", '--slo ttft: "inf s": not a number with a unit; write for example 2s or 50ms'),
        ("1e400 s", "s", '--slo ttft: "1e400 s": not a finite number; write for example 2s or 50ms'),
        ("-3 GB", "bytes", '--slo ttft: "-3 GB": out of range; must be at least 0 B'),
        ("", "s", '--slo ttft: "": not a number with a unit; write for example 2s or 50ms'),
        ("1" * 41, "tokens", f'--slo ttft: "{"1" * 40}...": longer than 40 characters; write a quantity, e.g. 2 tokens or 50k'),
        ("2\x1b[31ms", "s", '--slo ttft: "2?[31ms": unknown unit "?[31ms"; did you mean "ms"?'),
    ],
)  # fmt: skip
def test_refusals(text: str, unit: str, line: str) -> None:
    with pytest.raises(InputError) as error:
        parse(text, unit, "--slo ttft")
    assert str(error.value) == line


def test_range_is_enforced_and_said() -> None:
    assert parse("90%", "1", "x", 0.0, 1.0) == 0.9
    with pytest.raises(InputError, match="must be at most 1"):
        parse("110%", "1", "x", 0.0, 1.0)


@given(st.sampled_from(sorted(UNITS)), st.floats(1e-9, 1e18), st.integers(3, 9))
def test_round_trip(unit: str, value: float, digits: int) -> None:
    """parse(show(x)) gives x back to the digits shown."""
    assert parse(show(value, unit, digits), unit, "x") == pytest.approx(value, rel=10.0 ** (1 - digits), abs=0)


@given(st.sampled_from(sorted(UNITS)), st.data())
def test_every_spelling_is_read(unit: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(UNITS[unit])))
    assert parse(f"3 {name}", unit, "x") == pytest.approx(3 * UNITS[unit][name])


@given(st.floats(1e-9, 1e15), st.floats(1e-9, 1e15))
def test_show_keeps_order(a: float, b: float) -> None:
    first, second = sorted((a, b))
    shown = [parse(show(x, "bytes", 6), "bytes", "x") for x in (first, second)]
    assert shown[0] <= shown[1] * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (999.9996, "bytes", "1 kB"), (0.0, "s", "0 s"), (96 * 2**30, "bytes", "103 GB"), (4.8e12, "bytes_per_s", "4.8 TB/s"),
        (4096.0, "tokens", "4,096 tokens"), (1234567.8, "tokens", "1,230,000 tokens"), (0.05, "s", "50 ms"),
        (1.2e6, "usd", "1.2 million USD"), (0.3, "1", "0.3"), (float("inf"), "bytes", "unlimited"), (132e3, "w", "132 kW"),
        (1.979e15, "flops_per_s", "1.98 PFLOP/s"), (25.0, "widgets", "25 widgets"),
    ],
)  # fmt: skip
def test_how_numbers_look(value: float, unit: str, text: str) -> None:
    assert show(value, unit) == text


def test_gib_and_plain_numbers() -> None:
    assert show_gib(80 * 2.0**30) == "80 GiB"
    assert [number(x) for x in (0.0, 1234.5, 0.00012345, 1e20)] == ["0", "1,230", "0.000123", "1.00e+20"]
