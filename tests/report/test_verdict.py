"""Who wins, in words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nni_nasplus.report.findings import Findings
from nni_nasplus.report.verdict import verdict


def said(shipped, plain, direction="maximize", **changes):
    """What is said of a shipped model and a plain one, each its test score and perhaps its interval."""
    rows = [
        {"name": name, "validation": {"score": 0.5}, "test": {"score": score}, "interval": interval}
        for name, (score, interval) in {"winner": shipped, "GRU": plain}.items()
    ]
    result = {"objective": "score", "rows": rows, "random_search": None, "trials": 4, **changes}
    best = SimpleNamespace(score=0.5, number=0)
    settings = SimpleNamespace(objective="score", trials=4)
    history = SimpleNamespace(direction=direction, best=[best], finished=[best] * 4)
    run = SimpleNamespace(settings=settings, directory=__import__("pathlib").Path("run"))
    return verdict(Findings(run, history, result))


@pytest.mark.parametrize(
    ("shipped", "plain", "direction", "words"),
    [
        ((0.9, [0.85, 0.95]), (0.6, [0.5, 0.7]), "maximize", "clearly ahead of the best plain model, GRU, 0.6000"),
        ((0.6, [0.5, 0.7]), (0.9, [0.85, 0.95]), "maximize", "clearly behind"),
        ((9.0, [8.0, 10.0]), (20.0, [15.0, 30.0]), "minimize", "clearly ahead of"),
        ((0.9, [0.6, 0.95]), (0.6, [0.5, 0.7]), "maximize", "they are not to be told apart"),
        ((0.9, None), (0.6, [0.5, 0.7]), "maximize", "how much of that is chance was not measured"),
        ((0.6, None), (0.6, None), "minimize", "level with"),
    ],
)
def test_a_difference_counts_where_intervals_do_not_overlap(shipped, plain, direction, words):
    assert words in said(shipped, plain, direction)["lead"]


def test_what_is_not_known_is_not_said_and_what_is_known_is():
    plain = said((0.9, [0.85, 0.95]), (0.6, [0.5, 0.7]))
    assert plain["sentences"] == []
    of_search = {"random_search": 0.4, "random_trials": 3, "trials": 2}
    full = said((0.9, None), (0.6, None), unclear=3, noise=0.01, folds=5, bagged=True, **of_search)
    assert full["sentences"] == [
        "This is the result of the first 2 trials; more have ended since.",
        "The best 3 architectures are not to be told apart on the validation examples.",
        "The ensemble is bagged over 5 folds: its validation score is out of fold.",
        "One training differs from the next, under another seed, by 0.0100.",
        "The best trial is 0.1000 better than random search would be expected to find in 2 trials.",
    ]
    assert full["rows"][-1]["name"] == "random search, best of 2"
