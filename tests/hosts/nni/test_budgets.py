"""A tuner whose trials are parts of trainings."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import nni
import pytest
from digits_search import complete, create
from places import HELPERS

from nni_nasplus import UserError
from nni_nasplus.hosts.nni import NasTuner
from nni_nasplus.hosts.nni.results import parameters_of, parted
from nni_nasplus.search.trial import Outcome, Trial
from nni_nasplus.training.trial_folder import trial_directory, write_outcome


class Manager:
    """What NNI's manager does with a tuner: requests parameters, and tells results and ends."""

    def __init__(self, run):
        self.run = run
        self.tuner = NasTuner(directory=str(run.directory))
        self.tuner.update_search_space(run.space.search_space.to_json())
        self.sent = {}
        self.next = 0

    def request(self, count):
        """The parameters that come at once; others may be sent later."""
        ids = list(range(self.next, self.next + count))
        self.next += count
        answered = self.tuner.generate_multiple_parameters(ids, st_callback=self.sent.__setitem__)
        self.sent |= dict(zip(ids, answered, strict=False))
        return answered

    def end(self, parameter_id, failure=None, reason=None):
        """Let a trial train, leave its outcome and end."""
        parameters = self.sent[parameter_id]
        architecture, epochs = parted(parameters)
        score = float(architecture["tens"] * 10 + architecture["ones"])
        outcome = Outcome(score=score, epochs=epochs) if failure is None else Outcome(failure=failure, reason=reason)
        write_outcome(trial_directory(self.run.directory, self.run.space.search_space.key(architecture)), outcome)
        if failure is None:
            self.tuner.receive_trial_result(parameter_id, parameters, {"default": score})
        self.tuner.trial_end(parameter_id, failure is None)


@pytest.fixture
def manager(tmp_path):
    made = create(tmp_path / "run", 3, seconds=0.0, epochs=9)
    manager = Manager(made.with_settings(budget="hyperband", strategy="random", strategy_options={}))
    yield manager
    manager.tuner.search.journal.close()


def test_what_nni_is_sent_has_the_budget_and_the_trial_that_it_belongs_to():
    trial = Trial(3, {"op": "a"}, epochs=9)
    assert parameters_of(trial) == {"op": "a", "TRIAL": 3, "TRIAL_BUDGET": 9}
    assert parted(parameters_of(trial)) == ({"op": "a"}, 9)
    assert parted(parameters_of(Trial(3, {"op": "a"}))) == ({"op": "a"}, None)


def test_requests_wait_while_a_rung_fills_and_are_answered_once_it_has(manager):
    assert [parameters["TRIAL_BUDGET"] for parameters in manager.request(5)] == [1, 1, 1]
    manager.end(0)
    manager.end(1)
    assert sorted(manager.sent) == [0, 1, 2]
    manager.end(2)
    assert sorted(manager.sent) == [0, 1, 2, 3]
    parent = max((0, 1, 2), key=lambda number: manager.sent[number]["tens"] * 10 + manager.sent[number]["ones"])
    assert manager.sent[3] == {**manager.sent[parent], "TRIAL_BUDGET": 3}
    manager.end(3)
    assert manager.sent[4] == {**manager.sent[parent], "TRIAL_BUDGET": 9}


def test_a_search_that_is_over_has_no_more_for_anybody(manager):
    manager.request(4)
    for parameter_id in range(5):
        if parameter_id == 4:
            manager.request(1)
        manager.end(parameter_id)
    assert manager.request(2) == []
    with pytest.raises(nni.NoMoreTrialError):
        manager.tuner.generate_parameters(99)
    history = manager.tuner.search.history
    assert {epochs: len(trials) for epochs, trials in history.arrivals.items()} == {1: 3, 3: 1, 9: 1}
    assert history.best[0].reached == 9


def test_a_part_that_was_killed_is_handed_out_again_with_its_budget(manager, monkeypatch):
    manager.request(3)
    for parameter_id in range(3):
        manager.end(parameter_id)
    (promoted,) = manager.request(1)
    monkeypatch.setattr("nni_nasplus.hosts.nni.tuner.post_mortem", lambda *_: Outcome(failure="interrupted"))
    manager.tuner.trial_end(3, False)
    assert manager.request(1) == [promoted]


def test_a_full_disk_that_a_trial_meets_ends_the_tuner_and_is_no_failure_of_the_trial(manager):
    manager.request(3)
    manager.end(0)
    with pytest.raises(UserError, match="no space left"):
        manager.end(1, failure="interrupted", reason="no space left on the disk of runs/a")
    assert [trial.status for trial in manager.run.history().trials] == ["done", "pending", "pending"]


def test_an_earlier_part_that_is_told_twice_counts_once(manager):
    manager.request(3)
    for parameter_id in range(3):
        manager.end(parameter_id)
    manager.request(1)
    manager.tuner.receive_trial_result(0, manager.sent[0], {"default": 50.0})
    manager.tuner.trial_end(1, True)
    assert [trial.status for trial in manager.tuner.search.history.trials].count("pending") == 1


def test_what_nni_has_of_earlier_parts_is_no_result_of_one_that_was_in_training(manager):
    """NNI, when it goes on, tells the results of all trials that have ended, and trials are parts."""
    manager.request(3)
    for parameter_id in range(3):
        manager.end(parameter_id)
    (promoted,) = manager.request(1)
    manager.tuner.search.journal.close()
    again = Manager(manager.run)
    again.tuner.import_data(
        [{"parameter": manager.sent[i], "value": {"default": 50.0, "seconds": 1.0}} for i in range(3)]
    )
    again.next = 4
    assert again.request(1) == [promoted]
    again.end(4)
    trial = again.tuner.search.history.trials[promoted["TRIAL"]]
    assert list(trial.curve) == [1, 3]
    again.tuner.search.journal.close()


@pytest.mark.nni
@pytest.mark.system
@pytest.mark.parametrize("rule", ["asha", "hyperband"])
def test_an_experiment_trains_in_parts_to_the_end(tmp_path, monkeypatch, rule):
    monkeypatch.setenv("PYTHONPATH", str(HELPERS))
    run = create(tmp_path / "run", 6, 2, epochs=9).with_settings(budget=rule, strategy="random", strategy_options={})
    complete(run)
    history = run.history()
    assert run.settings.are_met(history)
    assert (len(history.trials), history.pending, history.best[0].reached) == (6, [], 9)
    (database,) = {path.resolve() for path in run.directory.glob("nni/*/db/nni.sqlite")}
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT data FROM TrialJobEvent WHERE data IS NOT NULL GROUP BY trialJobId"
        ).fetchall()
    parts = [json.loads(data)["parameters"] for (data,) in rows]
    assert sorted((part["TRIAL"], part["TRIAL_BUDGET"]) for part in parts) == sorted(
        (trial.number, epochs) for epochs, trials in history.arrivals.items() for trial in trials
    )
