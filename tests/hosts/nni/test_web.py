"""NNI's web UI as the patched manager serves it, looked at in a browser that reaches this machine only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from chromium import ARGUMENTS, CHROMIUM
from legibility import unreadable
from nni_server import free_port
from shown_experiments import shown

from nni_nasplus.cli.commands.ui import viewed
from nni_nasplus.hosts.nni.architecture import axes_of
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    sync_playwright = None

WIDTHS = (1280, 1440, 1920)
EVENTS = {"cardinalities": (5, 9), "n_numeric": 2, **EventSequenceSpace.recommended()}
DARTS = {"channels": 2, "layers": 3, "size": 8}
PATIENCE_MS = 60_000
SETTLED_MS = 1_500
"""Until curves are drawn, which move at first."""
BLANK = """icon => {
    const style = getComputedStyle(icon);
    const measure = (family) => {
        const context = document.createElement("canvas").getContext("2d");
        context.font = `40px ${family}`;
        context.fillText(icon.textContent, 4, 40);
        return Array.from(context.getImageData(0, 0, 64, 64).data).join();
    };
    return measure(style.fontFamily) === measure("monospace");
}"""

pytestmark = [
    pytest.mark.system,
    pytest.mark.nni,
    pytest.mark.skipif(
        CHROMIUM is None or sync_playwright is None,
        reason="Debian's chromium or the package playwright is not installed",
    ),
]


@pytest.fixture(scope="module", params=[("events", 12), ("darts", 200)], ids=lambda one: f"{one[0]}-{one[1]}")
def run(request, tmp_path_factory):
    kind, trials = request.param
    space, sizes = {"events": (EventSequenceSpace, EVENTS), "darts": (DartsSpace, DARTS)}[kind]
    return shown(tmp_path_factory.mktemp("web") / f"a-search-with-a-long-name-of-{kind}", space, sizes, trials)


@pytest.fixture(scope="module")
def url(run):
    with viewed(run, free_port()) as (_, url):
        yield url


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(params=WIDTHS)
def page(request, browser):
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield page
    page.close()


def settled(page):
    """The page once nothing moves any more."""
    page.wait_for_timeout(SETTLED_MS)
    return page


def rows(page):
    return page.locator(".ms-DetailsRow")


def test_the_overview_can_be_read(page, url):
    page.goto(f"{url}/oview")
    expect(rows(page).first).to_be_visible()
    assert unreadable(settled(page)) == []
    for text in ("Maximize", "Minimize", "Display top", "Trial command"):
        expect(page.get_by_text(text, exact=True)).to_be_in_viewport()


def test_few_axes_are_drawn_and_all_decisions_can_be_chosen(page, url, run):
    page.goto(f"{url}/detail")
    page.get_by_role("tab", name="Hyper-parameter").click()
    expect(page.locator(".parcoords .dimension").first).to_be_visible()
    drawn = page.locator(".parcoords text.label").all_text_contents()
    assert sorted(drawn) == sorted([*axes_of(run.space), "parameters", "default"])
    assert len(drawn) <= 10
    assert unreadable(settled(page)) == []
    page.get_by_role("button", name="Add/Remove axes").click()
    offered = page.get_by_role("dialog").locator(".ms-Checkbox-text").all_inner_texts()
    assert set(run.space.search_space.decisions) <= set(offered)
    page.get_by_role("dialog").get_by_text(next(iter(run.space.search_space.decisions)), exact=True).click()
    page.get_by_role("button", name="Save").click()
    page.reload()
    page.get_by_role("tab", name="Hyper-parameter").click()
    expect(page.locator(".parcoords .dimension")).not_to_have_count(len(drawn))


def test_ticks_are_values_in_their_order(page, url, run):
    page.goto(f"{url}/detail")
    page.get_by_role("tab", name="Hyper-parameter").click()
    expect(page.locator(".parcoords .dimension").first).to_be_visible()
    told = [run.space.summary(trial.architecture) for trial in run.history().trials]
    for dimension in page.locator(".parcoords .dimension").all():
        name = dimension.locator("text.label").text_content()
        ticks = dimension.locator(".tick text").all_text_contents()
        values = [one[name] for one in told if name in one]
        if values and all(isinstance(value, int | float) for value in values):
            numbers = [float(tick) for tick in ticks]
            assert numbers == sorted(numbers)
            assert {float(value) for value in values} <= set(numbers)
            assert any(value != round(value) for value in values) or all(map(float.is_integer, numbers))


def test_the_button_says_how_often_the_page_is_refreshed(page, url):
    page.goto(f"{url}/oview")
    icon, number = page.locator(".nav-refresh button"), page.locator(".nav-refresh-num")
    expect(number).to_be_in_viewport()
    (left, right) = (one.bounding_box() for one in (icon, number))
    assert left["x"] + left["width"] <= right["x"]


def test_all_decisions_as_axes_keep_their_names_apart(page, url):
    page.goto(f"{url}/detail")
    page.get_by_role("tab", name="Hyper-parameter").click()
    page.get_by_role("button", name="Add/Remove axes").click()
    page.get_by_role("dialog").get_by_text("Select all").click()
    page.get_by_role("button", name="Save").click()
    labels = page.locator(".parcoords text.label")
    expect(labels.nth(15)).to_be_visible()
    transforms = labels.evaluate_all("labels => labels.map(label => getComputedStyle(label).transform)")
    assert {transform.split(",")[0] for transform in transforms} == {"matrix(0.707107"}


def test_the_detail_of_a_trial_shows_its_architecture_and_leads_to_its_page(page, url):
    page.goto(f"{url}/detail")
    rows(page).first.locator("[data-icon-name=ChevronRight]").click()
    link = page.locator(".nasplus-architecture")
    expect(link.locator("img")).to_be_visible()
    assert unreadable(settled(page)) == []
    with page.context.expect_page() as opening:
        link.click()
    opened = opening.value
    expect(opened.locator("img")).to_be_visible()
    expect(opened.get_by_role("heading", name="Trial 0")).to_be_visible()
    assert unreadable(opened) == []
    opened.close()


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    """The run and the address of a search whose trainings are in parts."""
    run = shown(tmp_path_factory.mktemp("web") / "parts", EventSequenceSpace, EVENTS, 13, "asha")
    with viewed(run, free_port()) as (_, url):
        yield run, url


def test_a_part_of_a_training_says_how_long_it_is_and_which_trial_it_goes_on_from(page, halved):
    _, url = halved
    page.goto(f"{url}/detail")
    expect(rows(page).first).to_be_visible()
    for column in ("TRIAL_BUDGET (space)", "Operation"):
        expect(page.get_by_role("columnheader", name=column)).to_be_in_viewport()
    parent, child = promoted(url)
    rows(page).nth(child).locator("[data-icon-name=ChevronRight]").click()
    expect(page.locator(".nasplus-part")).to_contain_text(f"goes on from trial {parent}, which had 1 epoch")
    assert unreadable(settled(page)) == []
    page.get_by_role("tab", name="Hyper-parameter").click()
    expect(page.locator(".parcoords text.label", has_text="TRIAL_BUDGET")).to_be_visible()


def promoted(url):
    """The numbers of a trial and of the one that goes on from it."""
    jobs = requests.get(f"{url}/api/v1/nni/trial-jobs", timeout=10).json()
    parts = {job["sequenceId"]: json.loads(job["hyperParameters"][0])["parameters"] for job in jobs}
    child = min(number for number, part in parts.items() if part["TRIAL_BUDGET"] == 3)
    (parent,) = (n for n, part in parts.items() if (part["TRIAL"], part["TRIAL_BUDGET"]) == (parts[child]["TRIAL"], 1))
    return parent, child


def test_nothing_is_asked_of_the_internet_and_every_icon_is_drawn(browser, url):
    page, asked = browser.new_page(viewport={"width": 1440, "height": 900}), []
    page.on("request", lambda request: asked.append(request.url))
    for place in ("oview", "detail", "experiment"):
        page.goto(f"{url}/{place}")
        expect(page.locator("i[data-icon-name]").first).to_be_visible(timeout=PATIENCE_MS)
        page.evaluate("document.fonts.ready")
        settled(page)
        icons = page.locator("i[data-icon-name]:visible").all()
        assert [icon.get_attribute("data-icon-name") for icon in icons if icon.evaluate(BLANK)] == []
    assert [one for one in asked if not one.startswith((url, "data:", "blob:"))] == []


def test_only_the_web_ui_hears_of_axes(url, run):
    plain = requests.get(f"{url}/api/v1/nni/trial-jobs", timeout=10).json()
    told = requests.get(f"{url}/api/v1/nni/trial-jobs?axes", timeout=10).json()
    for job, other in zip(plain, told, strict=True):
        parameters = json.loads(job["hyperParameters"][0])["parameters"]
        assert run.space.search_space.validate(parameters) == parameters
        assert json.loads(other["hyperParameters"][0])["parameters"] == {
            **parameters,
            "mutation_summary": {**run.space.summary(parameters), **parameters},
        }


def test_only_the_web_ui_hears_of_axes_among_the_decisions(url, run):
    plain, told = (
        requests.get(f"{url}/api/v1/nni/experiment{query}", timeout=10).json()["params"]["searchSpace"]
        for query in ("", "?axes")
    )
    offered = {name: list(choices) for name, choices in run.space.search_space.decisions.items()}
    assert {name: one["_value"] for name, one in plain.items()} == offered
    assert list(told)[: len(axes_of(run.space))] == axes_of(run.space)
    assert {name: sorted(told[name]["_value"], key=str) for name in offered} == {
        name: sorted(choices, key=str) for name, choices in offered.items()
    }


def test_no_other_file_is_served(url):
    for place in (
        "t0000/architecture.json",
        "t0000/..%2f..%2frun.json",
        "t0001/architecture.svg",
        "none/architecture.svg",
    ):
        assert requests.get(f"{url}/nasplus/trials/{place}", timeout=10).status_code == 404
    outside = requests.get(f"{url}/nasplus/trials/..%2f..%2fdb/nni.sqlite", timeout=10)
    assert "<title>Neural Network Intelligence</title>" in outside.text


def test_the_names_of_the_experiment_say_what_is_searched(url, run):
    name = requests.get(f"{url}/api/v1/nni/experiment", timeout=10).json()["params"]["experimentName"]
    assert name == f"{run.directory.name}: score by random"


def test_the_command_of_trials_is_short(url):
    command = requests.get(f"{url}/api/v1/nni/experiment", timeout=10).json()["params"]["trialCommand"]
    assert command == "sh trial.sh"


def test_the_font_has_every_icon_that_the_web_ui_names():
    from fontTools.ttLib import TTFont

    web = Path(__file__).parents[3] / "nni_nasplus" / "hosts" / "nni" / "web"
    assert {0xE711, 0xE76C, 0xE8C8} <= set(TTFont(web / "icons.woff").getBestCmap())
    assert "MIT License" in (web / "LICENSE.txt").read_text()
