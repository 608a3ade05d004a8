"""A process that trains trials of a run's study: ``python -m nni_nasplus.hosts.optuna RUN PARENT``."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import time
import warnings
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, TrialState

from nni_nasplus._signals import asked, end_with, heeded, held, stoppable
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.optuna.artifacts import attach
from nni_nasplus.hosts.optuna.reporter import OptunaReporter
from nni_nasplus.hosts.optuna.sampling.outcomes import keep_pause
from nni_nasplus.hosts.optuna.sampling.suggestion import epochs_of, suggest
from nni_nasplus.hosts.optuna.study import QueueEmpty, begin_another, has_more, open_study, try_again
from nni_nasplus.run.run import Run
from nni_nasplus.search.history import SearchSpaceExhausted
from nni_nasplus.search.space import Architecture
from nni_nasplus.training.reporter import Continuing
from nni_nasplus.training.trainer import share_cores
from nni_nasplus.training.trial_folder import (
    clear_outcome,
    failed,
    outcome_in,
    require_disk,
    trial_directory,
    write_outcome,
)

__all__ = ["train_trial", "work"]

_POLL_S = 0.5
_JOURNAL_S = 5.0


def work(run: Run) -> None:
    """Train trials until none waits or runs; what a killed worker left is tried again.

    A signal interrupts a training, and nothing else: not the database, where a trial may just have been taken or told,
    and where what is torn keeps SQLite locked.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("optuna").setLevel(logging.ERROR)
    warnings.simplefilter("ignore", ExperimentalWarning)
    with held():
        study = open_study(run)
        while not asked() and has_more(run, study):
            try:
                study.optimize(lambda trial: train_trial(run, trial), catch=Exception, callbacks=[_stop_if_asked])
            except QueueEmpty:
                if not begin_another(run, study):
                    time.sleep(_POLL_S)
                    fail_stale_trials(study)
            except SearchSpaceExhausted:
                continue


def _stop_if_asked(study: optuna.Study, trial: FrozenTrial) -> None:
    if asked():
        study.stop()


def train_trial(run: Run, trial: optuna.Trial) -> float:
    """Train what a trial proposes and report it; one that is interrupted, even while proposed, waits once more."""
    try:
        return _value(run, trial, suggest(trial, run.space.search_space), epochs_of(trial))
    except KeyboardInterrupt:
        try_again(trial)
        raise


def _value(run: Run, trial: optuna.Trial, architecture: Architecture, epochs: int | None) -> float:
    """The objective of an architecture after so many epochs, None for all; a training that is not over is pruned.

    A result that a killed worker had earned is taken as it is.
    """
    directory = trial_directory(run.directory, run.space.search_space.key(architecture))
    reporter = OptunaReporter(trial, directory)
    try:
        earned = _earned(directory, reporter, epochs)
        value = earned if earned is not None else _trained(run, architecture, directory, reporter, epochs)
        attach(run, trial, architecture, directory)
        if epochs is not None and _is_paused(run, directory):
            raise keep_pause(trial, epochs, value)
    except optuna.TrialPruned:
        raise
    except Exception as error:
        _require_disk(error, run)
        outcome = failed(error)
        write_outcome(directory, outcome)
        reporter.final(outcome)
        raise
    return value


def _is_paused(run: Run, directory: Path) -> bool:
    """Whether a training of a search with a budget is not over."""
    outcome, budget = outcome_in(directory), run.settings.make_budget()
    return bool(outcome and budget and outcome.epochs is not None and outcome.epochs < budget.epochs)


def _require_disk(error: Exception, run: Run) -> None:
    """Let the worker end if the disk is full, as an interruption does: no other trial would fare better."""
    try:
        require_disk(error, run.directory)
    except UserError as full:
        sys.stderr.write(f"nasplus: {full}\n")
        raise KeyboardInterrupt from full


def _earned(directory: Path, reporter: OptunaReporter, epochs: int | None) -> float | None:
    outcome = outcome_in(directory, epochs)
    if outcome is None or outcome.score is None:
        return None
    reporter.final(outcome)
    return outcome.score


def _trained(
    run: Run, architecture: Architecture, directory: Path, reporter: OptunaReporter, epochs: int | None
) -> float:
    clear_outcome(directory)
    if run.evaluator.distillation is not None:
        _await_journal(run, reporter.trial.study)
    told = reporter if epochs is None else Continuing(reporter, directory, run.evaluator.objective)
    with heeded():
        metrics = run.evaluator.evaluate(run.space, architecture, directory, told, run.directory, epochs)
    return metrics[run.evaluator.objective]


def _await_journal(run: Run, study: optuna.Study) -> None:
    """Wait until the journal, where teachers are found, has what the study has finished; a few seconds at most."""
    finished = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    deadline = time.monotonic() + _JOURNAL_S
    while len(run.history().best) < finished and time.monotonic() < deadline:
        time.sleep(_POLL_S / 5)


def main() -> None:
    """Work for the run directory named on the command line; SIGTERM ends it like Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt), stoppable():
        end_with(int(sys.argv[2]), signal.SIGTERM)
        run = Run.open(Path(sys.argv[1]))
        share_cores(run.settings.concurrency)
        work(run)
