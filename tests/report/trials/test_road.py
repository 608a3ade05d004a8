"""The road of a search in a supernet: pictures, weights and a slider."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from chromium import ARGUMENTS, CHROMIUM

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.one_shot.pictures.road import ROAD, Road
from nni_nasplus.registry import described
from nni_nasplus.report.findings import Findings
from nni_nasplus.report.page import page, write_road
from nni_nasplus.report.trials.road import road
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.spaces.images import NasBench201Space

SPACE = NasBench201Space(4, 1, classes=3, in_channels=1, size=8)
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EPOCHS = 30


@pytest.fixture
def run(tmp_path) -> Run:
    """One trial that is still in training, and a search whose cell changed once."""
    sizes = {"channels": 4, "cells": 1, "classes": 3, "in_channels": 1, "size": 8}
    settings = Settings(
        strategy="darts",
        space=described(NasBench201Space, sizes),
        evaluator={"class_path": "none", "init_args": {}},
        objective="accuracy",
    )
    made = Run.create(tmp_path / "run", settings)
    search = made.with_settings(strategy="random").open_search()
    search.ask()
    search.journal.close()
    made.with_settings(strategy="darts")
    walked = Road(OPERATIONS, {"cell": [f"edge {number}" for number in range(6)]})
    rng = np.random.default_rng(0)
    first, second = (SPACE.search_space.sample(rng) for _ in range(2))
    for epoch in range(1, EPOCHS + 1):
        weights = rng.dirichlet(np.ones(len(OPERATIONS)), 6)
        walked.passes(epoch, first if epoch < 20 else second, {"cell": weights.tolist()})
    (made.directory / "darts").mkdir()
    walked.save(made.directory / "darts")
    return made


def test_the_page_has_each_cell_once_and_not_more_epochs_than_a_slider_can_tell_apart(run):
    (search,) = road(Findings.of(run))["searches"]
    assert (search["changes"], search["epochs"], len(search["pictures"])) == (1, EPOCHS, 2)
    epochs = [stage["epoch"] for stage in search["stages"]]
    assert (epochs[0], epochs[-1]) == (1, EPOCHS)
    assert epochs == sorted(set(epochs))
    assert len(epochs) <= 24
    assert [stage["picture"] for stage in search["stages"]] == [int(epoch >= 20) for epoch in epochs]
    assert all(len(stage["weights"]) == 6 * len(OPERATIONS) for stage in search["stages"])


def test_the_table_shows_the_last_weights_where_no_script_runs(run):
    html = write_road(run).read_text(encoding="utf-8")
    last = Road.load(run.directory / "darts" / ROAD).stages[-1]["weights"]["cell"]
    shown = re.findall(r"data-weight>([\d.]+)<", html)
    assert shown == [f"{weight:.2f}" for row in last for weight in row]
    (content,) = re.findall(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert json.loads(content)["epochs"] == EPOCHS
    assert "The road of the cell" in page(run)


def test_show_says_where_it_is(run, capsys):
    main(["show", str(run.directory)])
    assert f"road of the cell: {run.directory / 'road.html'}" in capsys.readouterr().out.replace("\n", " ")


def test_without_a_road_there_is_none_and_a_damaged_one_is_named(run):
    path = run.directory / "darts" / ROAD
    path.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"road\.json"):
        write_road(run)
    path.unlink()
    assert write_road(run) is None
    assert "The road of the cell" not in page(run)


@pytest.mark.system
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_slider_moves_through_the_epochs(run, width):
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        opened, said = browser.new_page(viewport={"width": width, "height": 900}), []
        opened.on("console", lambda message: said.append(message.text))
        opened.on("pageerror", lambda error: said.append(str(error)))
        opened.goto(write_road(run).as_uri())
        picture, told = opened.locator(".road img"), opened.locator(".road output")
        last = picture.get_attribute("src")
        assert told.inner_text() == f"{EPOCHS} of {EPOCHS}"
        opened.locator(".road input").fill("0")
        assert told.inner_text() == f"1 of {EPOCHS}"
        assert picture.get_attribute("src") != last
        first = Road.load(run.directory / "darts" / ROAD).stages[0]["weights"]["cell"][0][0]
        assert opened.locator("[data-weight]").first.inner_text() == f"{first:.2f}"
        opened.get_by_role("button", name="Play").click()
        playwright.expect(told).not_to_have_text(f"1 of {EPOCHS}")
        assert opened.evaluate("document.documentElement.scrollWidth") == width
        assert said == []
        browser.close()
