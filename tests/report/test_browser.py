"""The page in a browser: nothing is asked of a network, nothing is wider than the screen, and drawings open."""

from __future__ import annotations

import pytest
from chromium import ARGUMENTS, CHROMIUM

from nni_nasplus.report.page import PAGE

playwright = pytest.importorskip("playwright.sync_api")


@pytest.mark.system
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
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
