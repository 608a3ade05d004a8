"""A trial of an NNI experiment: ``python -m nni_nasplus.hosts.nni RUN``, or :func:`run_trial` in a script."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nni
import requests

from nni_nasplus._signals import exit_code, heeded, stoppable
from nni_nasplus.errors import HostLost, UserError
from nni_nasplus.hosts.nni.architecture import leave_architecture
from nni_nasplus.hosts.nni.folders import nni_run_directory
from nni_nasplus.hosts.nni.pairing import is_remote, manager_api, take_own_parameters
from nni_nasplus.hosts.nni.presearch import is_presearch, presearch_directory
from nni_nasplus.hosts.nni.reporter import NniReporter
from nni_nasplus.hosts.nni.results import parted
from nni_nasplus.hosts.nni.watchdog import end_with_the_manager, keep_within
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.run.presearch import presearch
from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Outcome
from nni_nasplus.training.evaluator import Evaluator
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

__all__ = ["presearch_and_report", "run_trial", "train_and_report"]


def run_trial(
    space: NetworkSpace,
    evaluator: Evaluator,
    run: str | Path | None = None,
    *,
    seconds: float | None = None,
    memory: int | None = None,
) -> dict[str, float]:
    """Train the architecture that the tuner proposed for this trial, and report it.

    Parameters
    ----------
    run
        The directory of the journal, where the trial's weights, and how it ended, are kept; by default
        ``nasplus/`` in the experiment's folder.
    seconds, memory
        The trial fails, with that reason, when it runs longer or takes more bytes.

    Returns
    -------
    The metrics reported.
    """
    architecture, epochs = parted(take_own_parameters())
    run = run or nni_run_directory(Path(os.environ["NNI_OUTPUT_DIR"]))
    return _train_within(space, evaluator, architecture, Path(run), epochs, seconds=seconds, memory=memory)


def _train_within(
    space: NetworkSpace,
    evaluator: Evaluator,
    architecture: Mapping[str, Any],
    run: Path,
    epochs: int | None,
    *,
    seconds: float | None = None,
    memory: int | None = None,
) -> dict[str, float]:
    directory = trial_directory(run, space.search_space.key(architecture))
    with keep_within(seconds, memory, lambda reason: _keep(directory, Outcome(failure="error", reason=reason))):
        return train_and_report(space, evaluator, architecture, run, epochs)


def train_and_report(
    space: NetworkSpace, evaluator: Evaluator, architecture: Mapping[str, Any], run: Path, epochs: int | None = None
) -> dict[str, float]:
    """Train one architecture under NNI; how it ended is left in the trial's folder of the run directory, failures too.

    If the manager dies, so does the trial, which is then no failure: it is tried again when the search goes on. Of
    ``epochs`` see :meth:`~nni_nasplus.training.evaluator.Evaluator.fit`.
    """
    end_with_the_manager()
    directory = trial_directory(run, space.search_space.key(architecture))
    clear_outcome(directory)
    with _failure_kept(directory, run):
        _share_cores()
        reporter = NniReporter()
        leave_architecture(space, architecture, reporter.output, f"Trial {nni.get_sequence_id()}")
        told = reporter if epochs is None else Continuing(reporter, directory, evaluator.objective)
        with heeded():
            return evaluator.evaluate(space, architecture, directory, told, run, epochs)


def presearch_and_report(run: Run) -> None:
    """Do the presearch of a run under NNI: ``presearch.json`` has what it found then, or ``presearch/`` why not.

    There is no final result: the web UI would rank it among those of architectures.
    """
    end_with_the_manager()
    with _failure_kept(presearch_directory(run.directory), run.directory):
        presearch(run, NniReporter())


@contextlib.contextmanager
def _failure_kept(directory: Path, run: Path) -> Iterator[None]:
    """Keep in a folder how this trial failed; it has not where the manager is gone, or the disk is full."""
    try:
        yield
    except HostLost:
        raise
    except Exception as error:
        try:
            require_disk(error, run)
        except UserError as full:
            _keep(directory, Outcome(failure="interrupted", reason=str(full)))
            raise
        _keep(directory, failed(error))
        raise


def _keep(directory: Path, failure: Outcome) -> None:
    """Keep a failure, unless the trial has had a result: what comes after that is no failure of it."""
    if outcome_in(directory) is None:
        write_outcome(directory, failure)


def _share_cores() -> None:
    """Divide this machine's cores among the trials that run at a time, unless the user has said otherwise.

    On another machine nobody knows how many those are.
    """
    if "OMP_NUM_THREADS" in os.environ or is_remote():
        return
    try:
        profile = requests.get(manager_api("experiment"), timeout=10).json()
    except requests.RequestException:
        raise HostLost("the NNI manager does not answer") from None
    share_cores(profile["params"]["trialConcurrency"])


def main() -> None:
    """Run a trial of the run directory named on the command line; one that is interrupted says so by its exit code."""
    try:
        with stoppable():
            _run(Run.open(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(exit_code())


def _run(run: Run) -> None:
    space, evaluator = run.space, run.evaluator
    parameters = take_own_parameters()
    if is_presearch(parameters):
        presearch_and_report(run)
        return
    seconds, mib = run.settings.trial_seconds, run.settings.trial_mib
    memory = None if mib is None else int(mib * 2**20)
    architecture, epochs = parted(parameters)
    _train_within(space, evaluator, architecture, run.directory, epochs, seconds=seconds, memory=memory)
