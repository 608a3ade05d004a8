"""A process that trains trials of a run's study: ``python -m nni_nasplus.hosts.optuna.worker RUN PARENT``."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from types import FrameType
from typing import NoReturn

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import fail_stale_trials
from optuna.trial import TrialState

from nni_nasplus.hosts.optuna.artifacts import attach
from nni_nasplus.hosts.optuna.reporter import OptunaReporter
from nni_nasplus.hosts.optuna.study import QueueEmpty, open_study, try_again, unfinished
from nni_nasplus.hosts.optuna.suggestion import suggest
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import SearchSpaceExhausted
from nni_nasplus.training.evaluator import share_cores
from nni_nasplus.training.trial_folder import clear_outcome, failure_reason, result_of, trial_directory, write_failure

__all__ = ["train_trial", "work"]

_POLL_S = 0.5
_JOURNAL_S = 5.0
_STOPS = (signal.SIGINT, signal.SIGTERM)
REASON = "reason"
"""The user attribute that says why a trial failed."""


def work(run: Run) -> None:
    """Train trials until none waits or runs; what a killed worker left is tried again."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("optuna").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", ExperimentalWarning)
    study = open_study(run)
    while unfinished(study):
        try:
            study.optimize(lambda trial: train_trial(run, trial), catch=Exception)
        except QueueEmpty:
            time.sleep(_POLL_S)
            fail_stale_trials(study)
        except SearchSpaceExhausted:
            continue


def train_trial(run: Run, trial: optuna.Trial) -> float:
    """Train what a trial proposes and report it; one that is interrupted, even while proposed, waits once more."""
    try:
        return _value(run, trial, suggest(trial, run.space.search_space))
    except KeyboardInterrupt:
        try_again(trial)
        raise


def _value(run: Run, trial: optuna.Trial, architecture: Architecture) -> float:
    """The objective of an architecture; a result that a killed worker had earned is taken as it is."""
    directory = trial_directory(run.directory, run.space.search_space.key(architecture))
    try:
        earned = _earned(trial, directory)
        value = earned if earned is not None else _trained(run, trial, architecture, directory)
        attach(run, trial, architecture, directory)
    except optuna.TrialPruned:
        raise
    except Exception as error:
        write_failure(directory, error)
        trial.set_user_attr(REASON, failure_reason(directory))
        raise
    return value


def _earned(trial: optuna.Trial, directory: Path) -> float | None:
    result = result_of(directory)
    if result is None:
        return None
    OptunaReporter(trial).final(result)
    return float(result["default"])


def _trained(run: Run, trial: optuna.Trial, architecture: Architecture, directory: Path) -> float:
    clear_outcome(directory)
    if run.evaluator.distillation is not None:
        _await_journal(run, trial.study)
    reporter = OptunaReporter(trial, directory)
    metrics = run.evaluator.evaluate(run.space, architecture, directory, reporter, run.directory)
    return metrics[run.evaluator.objective]


def _await_journal(run: Run, study: optuna.Study) -> None:
    """Wait until the journal, where teachers are found, has what the study has finished; a few seconds at most."""
    finished = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    deadline = time.monotonic() + _JOURNAL_S
    while len(run.archive().best()) < finished and time.monotonic() < deadline:
        time.sleep(_POLL_S / 5)


def _interrupt_once(number: int, frame: FrameType | None) -> NoReturn:
    for stop in _STOPS:
        signal.signal(stop, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_with(parent: int) -> None:
    """End as by SIGTERM once the process that started this one is gone, however it ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_POLL_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="nasplus watchdog", daemon=True).start()


def main() -> None:
    """Work for the run directory named on the command line; SIGTERM ends it like Ctrl-C."""
    for number in _STOPS:
        signal.signal(number, _interrupt_once)
    _end_with(int(sys.argv[2]))
    run = Run.open(Path(sys.argv[1]))
    share_cores(run.settings["concurrency"])
    with contextlib.suppress(KeyboardInterrupt):
        work(run)


if __name__ == "__main__":
    main()
