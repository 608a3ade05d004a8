"""The page in a browser: nothing is asked of a network, nothing is wider than the screen, and drawings open."""

from __future__ import annotations

import pytest
from chromium import ARGUMENTS, CHROMIUM
from legibility import unreadable
from shown_experiments import shown

from nni_nasplus.report.page import PAGE, write_page
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace

playwright = pytest.importorskip("playwright.sync_api")


pytestmark = [pytest.mark.system, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]
SPACES = {
    "events": (EventSequenceSpace, {"cardinalities": (5, 9), "n_numeric": 2, **EventSequenceSpace.recommended()}),
    "darts": (DartsSpace, {"channels": 2, "layers": 3, "size": 8}),
}
LEGENDS_ON_PLOTS = """() => [...document.querySelectorAll("figure svg")].filter((svg) => {
    const box = (id) => svg.querySelector(`[id=${id}]`)?.getBoundingClientRect();
    const [legend, plot] = [box("legend_1"), box("patch_2")];
    return legend && legend.bottom > plot.top + 1 && legend.top < plot.bottom && legend.right > plot.left;
}).map((svg) => svg.getAttribute("aria-label"))"""


@pytest.fixture(scope="module", params=SPACES)
def long_run(request, tmp_path_factory):
    """Twelve trials of large networks, none of which was trained."""
    return shown(tmp_path_factory.mktemp("long") / request.param, *SPACES[request.param], 12)


@pytest.mark.parametrize("width", [1280, 1440, 1920, 390])
def test_nothing_is_cut_or_lies_on_anything_else(long_run, width):
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(write_page(long_run).as_uri())
        assert unreadable(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(LEGENDS_ON_PLOTS) == []
        if width > 390:
            assert page.locator("#effects").bounding_box()["height"] < 900
        best = long_run.history().best[0]
        card = page.locator(".card").first
        for value in long_run.space.summary(best.architecture).values():
            assert str(value) in card.locator("dd").all_inner_texts()
        sizes = card.locator("dt, dd").evaluate_all("all => all.map(one => parseFloat(getComputedStyle(one).fontSize))")
        assert min(sizes) >= 12
        browser.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_opens_drawings_and_compares_two(events, width):
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": width, "height": 900})
        asked, said = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((events.directory / PAGE).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.locator("[data-open]").first.click()
        assert page.locator("dialog h3").count() == 1
        page.keyboard.press("Escape")
        for place in (0, 1):
            page.locator("[data-mark]").nth(place).click()
        assert page.locator("dialog h3").count() == 2
        assert "differ" in page.locator("dialog table").inner_text()
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        assert said == []
        browser.close()
