"""Searches with several objectives as commands: the front in the result, its export, and what is refused."""

from __future__ import annotations

import json

import pytest
from nasplus_command import asking, refused

from nni_nasplus.cli import main
from nni_nasplus.run.run import Run


def asked(tables, out, **changes):
    options = asking(tables, out, **{"host": "process", "strategy": "nsga2", **changes})
    return [option for option in options if not option.startswith("--port")]


@pytest.fixture(scope="module")
def found(tables, tmp_path_factory):
    out = tmp_path_factory.mktemp("front") / "run"
    main(asked(tables, out, objectives="roc_auc,latency_ms", trials=5))
    return Run.open(out)


def test_the_result_has_the_front(found, capsys):
    main(["show", str(found.directory), "--picture", str(found.directory / "w.svg")])
    printed = capsys.readouterr().out
    assert "Pareto front of roc_auc and latency_ms" in printed
    front = found.history().front
    assert json.loads((found.directory / "report.json").read_text())["front"] == [trial.number for trial in front]
    assert all(trial.metrics["latency_ms"] > 0 for trial in front)


def test_the_page_draws_it(found):
    page = (found.directory / "report.html").read_text()
    assert "Score against cost" in page
    assert "Scores of 5 trials against latency_ms" in page


def test_every_trial_of_it_can_be_written(found, tmp_path):
    cheapest = found.history().front[-1]
    main(["export", str(found.directory), "--to", str(tmp_path / "model"), "--trial", str(cheapest.number)])
    assert (tmp_path / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objectives": "roc_auc"}, "names the score alone"),
        ({"objectives": "roc_auc,price"}, "has 'price' for a cost; the score is first, then parameters, flops"),
        ({"objectives": "roc_auc,flops,flops"}, "names a cost twice"),
        ({"objectives": "f1,flops", "objective": "roc_auc"}, "--objective is roc_auc, --objectives begins with f1"),
        ({"objectives": "roc_auc,flops", "strategy": "evolution"}, "searches for the score alone"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(tables, tmp_path, capsys, changes, said):
    assert said in refused(capsys, *asked(tables, tmp_path / "run", **changes))
