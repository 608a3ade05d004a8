"""The page that is served while a search runs: it keeps up by itself, at every width, and says nothing of errors."""

from __future__ import annotations

import pytest
from chromium import ARGUMENTS, CHROMIUM
from finished_runs import searched
from legibility import unreadable
from quick_tails import QUICK

from nni_nasplus.cli.report import report
from nni_nasplus.report import live
from nni_nasplus.report.live import served
from nni_nasplus.run.run import Run
from nni_nasplus.training.trial_folder import outcome_in

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.system, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]

WIDTHS = (1280, 1440, 1920)
TRIALS = 12
PATIENCE_MS = 240_000
GRACE_MS = 7_000
"""Two looks for a newer page."""


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """A search of events whose first three trials of twelve have ended; pages of it are made at once."""
    monkeypatch.setattr(live, "_SHARE", float("inf"))
    made = searched(tmp_path / "run", trials=3, **QUICK)
    settings = made.directory / "run.json"
    settings.write_text(settings.read_text().replace('"trials": 3', f'"trials": {TRIALS}'))
    return Run.open(made.directory)


def go_on(run, upto):
    """Train trials until so many have ended."""
    search = run.open_search()
    while len(search.history.finished) < upto:
        trial = search.ask()
        run.evaluator.evaluate(run.space, trial.architecture, run.trial_directory(trial))
        search.tell(trial, outcome_in(run.trial_directory(trial)))
    search.journal.close()


def opened(browser, address, width, said):
    """The page, opened once, which notes what it says on its console."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    return page


def version(page):
    return page.locator("html").get_attribute("data-version")


def test_it_keeps_up_with_a_search_and_ends_as_the_whole_report(run):
    with playwright.sync_playwright() as started, served(run) as address:
        browser, said = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS), []
        pages = [opened(browser, address, width, said) for width in WIDTHS]
        for count in (3, 6, TRIALS):
            go_on(run, count)
            for page in pages:
                page.get_by_text(f"{count} of {TRIALS} trials have ended").wait_for()
                assert unreadable(page) == []
        report(run)
        best = run.history().best[0]
        for page in pages:
            page.locator("#verdict table").wait_for()
            assert page.locator("main section").first.get_attribute("id") == "verdict"
            assert page.locator(".card").count() == TRIALS
            assert f"{best.score:.4f}" in page.locator("#progress").inner_text()
            assert unreadable(page) == []
        assert said == []
        browser.close()


def test_what_a_reader_has_opened_stays_open(run):
    with playwright.sync_playwright() as started, served(run) as address:
        browser, said = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS), []
        page = opened(browser, address, 1440, said)
        page.locator("summary").click()
        go_on(run, 4)
        page.get_by_text(f"4 of {TRIALS} trials have ended").wait_for()
        assert page.locator("details table").is_visible()
        page.locator("[data-mark]").first.click()
        before = version(page)
        go_on(run, 5)
        page.wait_for_timeout(GRACE_MS)
        assert version(page) == before
        page.locator("[data-mark]").first.click()
        page.get_by_text(f"5 of {TRIALS} trials have ended").wait_for()
        assert said == []
        browser.close()
