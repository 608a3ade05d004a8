"""The journal of a study: what was rejected, what failed and why, beside what was trained."""

from __future__ import annotations

import pytest
from digits_search import create
from optuna_workers import worth

from nni_nasplus.networks.limits import Limits
from nni_nasplus.search.history import History

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402

from nni_nasplus.hosts.optuna import suggest, worker  # noqa: E402
from nni_nasplus.hosts.optuna.mirror import Mirror  # noqa: E402
from nni_nasplus.hosts.optuna.study import fill_queue, open_study  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def mirrored(run, study) -> History:
    """The journal, brought up to date by a process that ends."""
    journal = run.open_search().journal
    Mirror(study, journal).copy()
    journal.close()
    return run.history()


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_rejected_proposals_are_journalled_with_their_reason(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 5, host="optuna").with_settings(max_parameters=10.0)
    monkeypatch.setattr(Limits, "excess", lambda self, space, a, *_: "too large" if a["tens"] > 2 else None)
    study = open_study(run)
    fill_queue(study, 5)
    worker.work(run)
    trials = mirrored(run, study).trials
    assert [trial.score for trial in trials if trial.architecture["tens"] <= 2] == [
        worth(trial.params) for trial in study.trials
    ]
    rejected = [(trial.status, trial.reason) for trial in trials if trial.architecture["tens"] > 2]
    assert set(rejected) == {("rejected", "too large")}
    assert len(mirrored(run, study).trials) == len(trials), "they are journalled once"


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_a_search_with_nothing_within_the_limits_ends(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 3, host="optuna").with_settings(max_parameters=10.0)
    monkeypatch.setattr(Limits, "excess", lambda self, space, a, *_: "too large")
    study = open_study(run)
    fill_queue(study, 3)
    worker.work(run)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 3
    assert {trial.status for trial in mirrored(run, study).trials} == {"rejected"}


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_failures_are_journalled_with_their_kind(tmp_path):
    mode = "from nni_nasplus.errors import TrialFailed; raise TrialFailed('loss is nan')"
    run = create(tmp_path / "run", 1, host="optuna", bad="0123456789", mode=mode)
    study = open_study(run)
    fill_queue(study, 1)
    worker.work(run)
    assert study.trials[0].user_attrs["reason"] == "TrialFailed: loss is nan"
    (trial,) = mirrored(run, study).trials
    assert (trial.outcome.failure, trial.reason) == ("diverged", "TrialFailed: loss is nan")


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_a_pruned_trial_is_no_fault(tmp_path):
    run = create(tmp_path / "run", 1, host="optuna")
    study = open_study(run)
    fill_queue(study, 1)
    trial = study.ask()
    suggest(trial, run.space.search_space)
    study.tell(trial, state=TrialState.PRUNED)
    (trial,) = mirrored(run, study).trials
    assert (trial.status, trial.outcome.failure, trial.reason) == ("failed", "cancelled", "pruned")
