"""NNI through NasExperiment: record, metric, journal and export belong together."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from nas_functions import Digits, worth
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.experiment import NasExperiment as NniNasExperiment
from nni_server import free_port, trials
from places import HELPERS

from nni_nasplus import Journal, UserError
from nni_nasplus.hosts.nni import NasStrategy
from nni_nasplus.hosts.nni.nas.experiment import NasExperiment
from nni_nasplus.strategies import AgingEvolution, RandomSearch

pytestmark = [pytest.mark.nni, pytest.mark.filterwarnings("ignore::UserWarning")]


def flaky_python(folder: Path) -> Path:
    """A Python that dies the first time it is started."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nmkdir "{folder}/died" 2>/dev/null && exit 1\nexec {sys.executable} "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    return script


@pytest.mark.parametrize("kind", [NasExperiment, pytest.param(NniNasExperiment, marks=pytest.mark.slow)])
@pytest.mark.parametrize("count", [pytest.param(6, marks=pytest.mark.system), pytest.param(40, marks=pytest.mark.slow)])
def test_trials_at_concurrency_2_after_one_that_died_are_all_paired(tmp_path, monkeypatch, count, kind):
    tests = str(HELPERS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")]))
    space = Digits()
    strategy = NasStrategy(AgingEvolution(), seed=0, direction="minimize")
    experiment = kind(space, FunctionalEvaluator(worth), strategy)
    config = experiment.config
    config.max_trial_number, config.trial_concurrency = count + 1, 2
    config.experiment_working_directory = tmp_path / "nni"
    config._trial_command_params = {"python": str(flaky_python(tmp_path))}
    port = free_port()
    experiment.run(port)
    try:
        records = trials(port)
        exported = experiment.export_top_models(top_k=3, formatter="dict")
    finally:
        experiment.stop()

    done = [(parameters, metric) for status, parameters, metric in records if status == "SUCCEEDED"]
    assert len(done) == count
    for parameters, metric in done:
        shown = parameters["mutation_summary"]
        assert metric == shown["tens"] * 10 + shown["ones"]
    scores = sorted(metric for _, metric in done)
    assert [a["tens"] * 10 + a["ones"] for a in exported] == scores[:3]
    history = Journal.read(tmp_path / "nni" / experiment.id / "nasplus" / "journal.jsonl").history
    assert sorted(t.status for t in history.finished) == ["done"] * count + ["failed"]
    assert [t.score for t in history.best] == scores


def test_another_model_format_is_refused(tmp_path):
    from nni.nas.space import RawFormatModelSpace

    strategy = NasStrategy(RandomSearch(), tmp_path)
    with pytest.raises(UserError, match="simplified"):
        strategy.initialize(RawFormatModelSpace(Digits(), None), object())
