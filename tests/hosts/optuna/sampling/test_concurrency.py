"""Several workers of one study: no architecture twice, and at the end no error, no failed trial and no worker left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nni_nasplus import registry

optuna = pytest.importorskip("optuna")

from exhausted_studies import (  # noqa: E402
    SIZE,
    SPACE,
    objective,
    require_every_architecture_once,
    require_processes_repeat_and_fail_nothing,
    studied,
)
from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage  # noqa: E402
from optuna.storages.journal import JournalFileBackend  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from nni_nasplus.hosts.optuna import suggest  # noqa: E402
from nni_nasplus.hosts.optuna.sampling.concurrency import Turnstile, claim  # noqa: E402

STORAGES: dict[str, Callable[[Path], Any]] = {
    "memory": lambda folder: InMemoryStorage(),
    "sqlite": lambda folder: RDBStorage(f"sqlite:///{folder}/study.db"),
    "journal": lambda folder: JournalStorage(JournalFileBackend(str(folder / "study.log"))),
}

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.mark.parametrize("storage", STORAGES)
def test_threads_train_every_architecture_and_nothing_else(tmp_path, storage):
    study = studied(STORAGES[storage](tmp_path))
    study.optimize(objective, n_jobs=4)
    assert require_every_architecture_once(study) == {TrialState.COMPLETE: SIZE}


@pytest.mark.parametrize("options", [{"gc_after_trial": True}, {"catch": (Exception,)}, {"n_trials": 60}], ids=str)
def test_threads_end_with_every_option_of_a_study(options):
    study = studied(None)
    study.optimize(objective, n_jobs=4, **options)
    assert require_every_architecture_once(study) == {TrialState.COMPLETE: SIZE}


@pytest.mark.parametrize("strategy", registry.available("strategies"))
def test_threads_end_with_every_strategy(strategy):
    study = studied(None, strategy)
    study.optimize(objective, n_jobs=4)
    assert require_every_architecture_once(study) == {TrialState.COMPLETE: SIZE}


def test_more_threads_than_architectures_make_no_trial_in_vain():
    study = studied(None)
    study.optimize(objective, n_jobs=SIZE + 4)
    assert require_every_architecture_once(study) == {TrialState.COMPLETE: SIZE}


def test_threads_that_fail_before_they_ask_let_others_in():
    study = studied(None)

    def failing(trial) -> float:
        if trial.number % 3 == 1:
            raise ArithmeticError
        return objective(trial)

    study.optimize(failing, n_jobs=4, n_trials=60, catch=ArithmeticError)
    states = require_every_architecture_once(study)
    assert states.keys() <= {TrialState.COMPLETE, TrialState.FAIL}


@pytest.mark.parametrize(
    "pruner", [optuna.pruners.HyperbandPruner(), optuna.pruners.MedianPruner()], ids=["hyperband", "median"]
)
def test_a_study_with_a_pruner_ends_too(pruner):
    study = studied(None)
    study.pruner = pruner
    study.optimize(objective, n_jobs=4)
    assert require_every_architecture_once(study) == {TrialState.COMPLETE: SIZE}


def test_a_worker_that_comes_when_all_is_done_returns():
    study = studied(None)
    study.optimize(objective)
    study.optimize(objective, n_jobs=2)
    study.optimize(objective)
    states = require_every_architecture_once(study)
    assert states.keys() == {TrialState.COMPLETE, TrialState.PRUNED}
    assert study.trials[-1].user_attrs["reason"] == "all 12 architectures of the space were proposed"


def test_what_waits_is_trained_though_all_is_proposed():
    study = studied(None)
    for architecture in SPACE:
        study.enqueue_trial(architecture)
    study.optimize(objective)
    assert require_every_architecture_once(study) == {TrialState.COMPLETE: SIZE}


def test_by_hand_a_trial_in_vain_has_ended():
    study = studied(None)
    asked = [study.ask() for _ in range(SIZE + 1)]
    for trial in asked[:SIZE]:
        study.tell(trial, objective(trial))
    with pytest.raises(optuna.TrialPruned, match="all 12 architectures"):
        suggest(asked[SIZE], SPACE)
    assert study.tell(asked[SIZE], state=TrialState.PRUNED, skip_if_finished=True).state == TrialState.PRUNED


@pytest.mark.parametrize("storage", ["sqlite", "journal"])
@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_processes_that_propose_the_same_at_one_moment_repeat_nothing(tmp_path, storage, jobs):
    require_processes_repeat_and_fail_nothing(lambda: STORAGES[storage](tmp_path), jobs=jobs)


def test_of_those_that_claim_one_architecture_at_a_time_one_has_it():
    study = studied(None)
    wanted = next(iter(SPACE))
    first, second, third = (study.ask() for _ in range(3))
    study._storage.set_trial_system_attr(second._trial_id, "nasplus:claim", SPACE.key(wanted))
    assert not claim(study, third, wanted, SPACE), "it yields to a smaller number, which is undecided"
    later = threading.Timer(0.2, study._storage.set_trial_system_attr, (second._trial_id, "nasplus:claim", "another"))
    later.start()
    assert claim(study, first, wanted, SPACE), "it waits until a larger number has yielded"
    study._storage.set_trial_system_attr(first._trial_id, "nasplus:architecture", wanted)
    assert not claim(study, second, wanted, SPACE), "it yields to one that has decided"


def test_a_thread_that_has_ended_has_left_the_turnstile():
    turnstile = Turnstile()
    gone = threading.Thread(target=turnstile.enter, args=(lambda: 1,))
    gone.start()
    gone.join()
    turnstile.enter(lambda: 1)
