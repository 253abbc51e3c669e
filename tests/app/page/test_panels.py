"""Each panel in a browser, in both languages: answers, wrong input, the URL as state, accessibility."""

from __future__ import annotations

import shutil

import pytest

from tests.app.page.panels_stage import PAGE, stage

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("no chromium on this machine", allow_module_level=True)
if not (PAGE / "index.html").is_file():
    pytest.skip("the page's shell is not there", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

# Panel: a question that it answers, words of the verdict in English and in Chinese.
GOOD = {
    "compare": ("model=qwen3-8b&on=h20-8,h100-8&concurrency=8", "times better than", "倍"),
    "predict": ("model=qwen3-8b&on=h20-8&layout=tp1&concurrency=8", "first token after", "首 token 延迟"),
    "fleet": ("scenario=china-2030&draws=64", "Stock|H100e|8-bit|Total in 2030 is", "2030 年"),
    "frontier": ("outlook=1", "leads", "领先"),
    "claims": ("name=wsj-2025-08&only=C10,C11", "2 claims", "共 2 条论断"),
    "catalog": ("kind=systems&name=h20-8", "6 figures", "6 项数值"),
}
BAD = {
    "compare": "model=no-such-model&on=h20-8,h100-8",
    "predict": "model=no-such-model&on=h20-8&layout=tp1&concurrency=8",
    "fleet": "scenario=no-such-scenario",
    "frontier": "index=no-such-index",
    "claims": "name=no-such-list",
    "catalog": "kind=systems&name=no-such-system",
}


@pytest.fixture(scope="module")
def site():
    with stage() as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    yield page
    assert page.wrong == []
    page.close()


def _open(page, site, panel, query, lang="en"):
    page.goto(f"{site}/?q={panel}&{query}{'&lang=zh' if lang == 'zh' else ''}")
    page.wait_for_selector(".pn-verdict, .pn .problem", timeout=60_000)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("panel", GOOD)
def test_a_panel_answers_and_is_accessible(page, site, panel, lang):
    query, english, chinese = GOOD[panel]
    _open(page, site, panel, query, lang)
    assert (chinese if lang == "zh" else english) in page.inner_text(".pn-verdict")
    assert page.inner_text(".pn-command code").startswith("wherewithal ")
    assert page.locator(".pn-table").count() > 0
    found = axe.Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize("panel", BAD)
def test_a_wrong_input_gives_one_line(page, site, panel):
    _open(page, site, panel, BAD[panel])
    assert page.locator(".pn .problem").count() == 1
    assert "no such" in page.inner_text(".pn .problem") or "no-such" in page.inner_text(".pn .problem")
    assert page.locator(".pn-verdict").count() == 0


def test_the_url_is_the_state(page, site):
    _open(page, site, "compare", GOOD["compare"][0])
    page.click("button[aria-label='Remove h100-8']")
    page.wait_for_selector(".pn-empty")
    assert "h100-8" not in page.url
    page.go_back()
    page.wait_for_selector(".pn-verdict >> text=times better")
    assert "h100-8" in page.input_value("#f-on")


def test_a_phone_does_not_scroll_sideways(page, site):
    page.set_viewport_size({"width": 360, "height": 740})
    for panel, (query, *_) in GOOD.items():
        _open(page, site, panel, query)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, panel


def test_verdicts_are_filtered_and_marked_in_words(page, site):
    _open(page, site, "claims", "name=wsj-2025-08&only=C10,C11&find=contradicted")
    assert page.locator("details[id^='claim-']").count() < 2


def test_the_catalog_is_searched_and_sorted(page, site):
    _open(page, site, "catalog", "kind=systems&find=h20-8")
    assert page.locator("tbody tr").count() == 1
    page.fill("#catalog-find", "h100")
    page.wait_for_function("document.querySelectorAll('tbody tr').length > 2")
    page.click("thead button >> nth=0")
    names = page.locator("tbody th").all_inner_texts()
    assert names == sorted(names, key=str.lower)
