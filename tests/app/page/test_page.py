"""The page in a real browser against the real server."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "wherewithal" / "app" / "page"
ASK = "?q=plan&model=qwen3-8b&on=h100-8&ttft=2s&tpot=50ms"
CHART = "#chart-tradeoff svg"


def test_vendored_files_are_those_pinned() -> None:
    lines = (PAGE / "vendor" / "SHA256SUMS").read_text().splitlines()
    pinned = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (PAGE / "vendor").glob("*.*") if p.suffix != ".md"
    }
    assert found == pinned


def test_weight() -> None:
    packed = {
        p: len(gzip.compress(p.read_bytes(), 9))
        for p in PAGE.rglob("*")
        if p.suffix in (".js", ".css", ".html", ".svg")
    }
    late = sum(n for p, n in packed.items() if p.name.startswith("vega"))
    assert sum(packed.values()) - late <= 60_000
    assert sum(packed.values()) <= 350_000


def test_no_markup_from_text_and_no_inline_style() -> None:
    for path in PAGE.rglob("*.js"):
        if path.parent.name != "vendor":
            assert not re.search(r"innerHTML|dangerously| style=|\beval\(", path.read_text()), path.name


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    command = [sys.executable, "-m", "wherewithal", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                yield found.group()
                break
        else:
            pytest.fail(said)
        process.terminate()
        process.stdout.read()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium")
    sync = pytest.importorskip("playwright.sync_api")
    with sync.sync_playwright() as p:
        found = p.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, server: str) -> Iterator[Any]:
    """A page whose console stays empty and that asks nobody but the server."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda e: wrong.append(str(e)))
    opened.on("request", lambda r: None if r.url.startswith((server, "blob:", "data:")) else wrong.append(r.url))
    yield opened
    context.close()
    assert wrong == []


def _bands(page: Any) -> str:
    page.wait_for_selector(".answer[aria-busy=false] .bands", timeout=60_000)
    page.wait_for_timeout(400)  # longer than the page waits for more typing
    page.wait_for_selector(".answer[aria-busy=false] .bands", timeout=60_000)
    return str(page.inner_text(".bands"))


def test_plan_is_answered_with_a_chart_and_the_link_gives_the_same(page: Any, server: str) -> None:
    page.goto(server + "?q=plan")
    page.fill("#f-model", "qwen3-8b")
    page.fill("#f-on", "h100-8")
    page.fill("#f-tpot", "50ms")
    page.keyboard.press("Enter")
    said = _bands(page)
    page.wait_for_selector(CHART)
    assert "model=qwen3-8b" in page.url
    page.goto(page.url)
    assert _bands(page) == said


def test_arrow_keys_walk_the_frontier(page: Any, server: str) -> None:
    page.goto(server + ASK)
    _bands(page)
    page.wait_for_selector(CHART)
    page.focus("#chart-tradeoff .canvas")
    page.keyboard.press("Home")
    first = page.inner_text(".card")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".card") != first


def test_back(page: Any, server: str) -> None:
    page.goto(server + ASK)
    _bands(page)
    page.click("nav a:has-text('Catalog')")
    page.wait_for_selector(".bands", state="detached")
    page.go_back()
    _bands(page)


def test_dropped_config_and_a_bad_one(page: Any, server: str, tmp_path: Path) -> None:
    record = PAGE.parents[1] / "catalog" / "data" / "models" / "qwen3-8b.json"
    config = tmp_path / "config.json"
    config.write_text(json.dumps(json.loads(record.read_text())["config"]))
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    page.goto(server + ASK)
    page.set_input_files("#file", str(bad))
    page.wait_for_selector(".drop [role=alert]")
    assert "bad.json" in page.inner_text(".drop [role=alert]")
    page.set_input_files("#file", str(config))
    page.wait_for_url("**upload:**")
    _bands(page)


@pytest.mark.parametrize("width", [390, 1440])
def test_phone_dark_and_chinese(page: Any, server: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(server + ASK)
    _bands(page)
    page.click(".switches button >> nth=0")
    page.click(".switches button >> nth=1")
    assert "token" in _bands(page)
    assert "首" in page.inner_text(".bands")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.wait_for_selector(CHART)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe(browser: Any, server: str, scheme: str) -> None:
    found = pytest.importorskip("axe_playwright_python")
    axe = next(Path(found.__file__).parent.rglob("axe.min.js")).read_text()
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)
    page = context.new_page()
    page.goto(server + ASK)
    page.wait_for_selector(CHART, timeout=60_000)
    page.evaluate(f"{axe};0")
    seen = page.evaluate("async () => (await axe.run()).violations.map(v => [v.id, v.impact])")
    context.close()
    assert [v for v in seen if v[1] in ("serious", "critical")] == []
