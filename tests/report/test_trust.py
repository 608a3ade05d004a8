"""How far an order from before the first trial may be believed: on the page and in the terminal."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nni_nasplus._files import write_json
from nni_nasplus.cli.report import print_result
from nni_nasplus.registry import described
from nni_nasplus.report.page import page
from nni_nasplus.report.trust import trust
from nni_nasplus.run.run import PRESEARCH, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.trial import Outcome
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.training.images import ImageClassification


@pytest.fixture
def run(tmp_path):
    """Of the best of eight cells by their supernet five were trained; the second turned out the best."""
    sizes = {"channels": 2, "cells": 1, "classes": 2, "in_channels": 1, "size": 8}
    evaluator = ImageClassification(str(tmp_path / "run" / "data"), epochs=1)
    settings = Settings(
        strategy="spos",
        trials=5,
        host="process",
        space=described(NasBench201Space, sizes),
        evaluator=described(type(evaluator), evaluator.init_args),
        objective=evaluator.objective,
        direction=evaluator.direction,
    )
    made = Run.create(tmp_path / "run", settings)
    space, rng = made.space.search_space, np.random.default_rng(0)
    found = Ranking.of([space.sample(rng) for _ in range(8)], np.arange(8.0))
    write_json(made.directory / PRESEARCH, found.to_json(space))
    search = made.open_search()
    for score in (0.8, 0.9, 0.7, 0.6, 0.5):
        search.tell(search.ask(), Outcome(score=score, metrics={made.settings.objective: score}, cost=1.0))
    search.journal.close()
    return made


def test_the_order_of_a_supernet_is_compared_with_scores(run, capsys):
    """One of ten pairs is in the other order: τ = 9/10 − 1/10."""
    print_result(run)
    expected = "Kendall's τ between the order of spos, by its supernet, and the scores of 5 trials of it: 0.80"
    assert expected in capsys.readouterr().out
    assert "τ between this order and their scores is 0.80" in page(run)


def test_without_an_order_there_is_nothing_to_tell(run, capsys):
    (run.directory / PRESEARCH).unlink()
    print_result(run)
    assert "τ" not in capsys.readouterr().out
    history = run.history()
    assert trust(SimpleNamespace(run=run, history=history, result=None)) is None
