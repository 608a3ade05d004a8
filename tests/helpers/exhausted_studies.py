"""A small space searched by several workers until nothing is left, and what must have come of it."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from typing import Any

import optuna
from optuna.trial import TrialState

from nni_nasplus import SearchSpace
from nni_nasplus.hosts.optuna import NasSampler, suggest
from nni_nasplus.search.strategy import make_strategy

SPACE = SearchSpace(
    {"op": ["conv", "pool"], "heads": [1, 2, 4], "k": [3, 5, 7], "w": [16]}, conditions={"heads": {"op": ["conv"]}}
)
SIZE = 12


def objective(trial) -> float:
    architecture = suggest(trial, SPACE)
    return float(architecture["k"]) + architecture.get("heads", 0)


def studied(storage, strategy: str = "random") -> optuna.Study:
    sampler = NasSampler(make_strategy(strategy, {}), SPACE)
    return optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)


def require_every_architecture_once(study: optuna.Study) -> Counter[TrialState]:
    """The states of the trials."""
    trials = study.get_trials()
    done = [SPACE.key(trial.params) for trial in trials if trial.state == TrialState.COMPLETE]
    assert sorted(done) == sorted(SPACE.key(architecture) for architecture in SPACE)
    return Counter(trial.state for trial in trials)


def _work(opened: Callable[[], Any], together: Any, jobs: int) -> None:
    study = studied(opened())
    together.wait()
    study.optimize(objective, n_jobs=jobs)


def require_processes_repeat_and_fail_nothing(opened: Callable[[], Any], processes: int = 3, jobs: int = 1) -> None:
    """They have one seed, so all would propose the same at one moment."""
    studied(opened())._storage.remove_session()
    context = multiprocessing.get_context("fork")
    together = context.Barrier(processes)
    workers = [context.Process(target=_work, args=(opened, together, jobs)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(200)
    assert [worker.exitcode for worker in workers] == [0] * processes
    states = require_every_architecture_once(studied(opened()))
    assert states.keys() <= {TrialState.COMPLETE, TrialState.PRUNED}
