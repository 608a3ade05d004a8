"""This process as host: it trains one trial after the other, for notebooks and wherever nothing is to be started."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nni_nasplus._signals import heeded
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.host import Host, RunningSearch
from nni_nasplus.run.checkpoints import bound_checkpoints
from nni_nasplus.run.presearch import presearch
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.history import History, SearchSpaceExhausted
from nni_nasplus.search.search import RepeatedFailure, Search
from nni_nasplus.search.trial import Outcome, Trial
from nni_nasplus.training.reporter import LogReporter
from nni_nasplus.training.trial_folder import clear_outcome, failed, outcome_in, require_disk, write_outcome

__all__ = ["ProcessHost"]


class ProcessHost(Host):
    """Trains in this process: one trial at a time, whatever the settings say of concurrency."""

    def check(self, settings: Settings) -> None:
        """Refuse limits of a trial's time and memory, which take a process to end, and a storage, which is Optuna's."""
        if settings.trial_seconds is not None or settings.trial_mib is not None:
            raise UserError("--trial_seconds and --trial_mib need --host nni, which gives each trial a process")
        if settings.storage is not None:
            raise UserError("--storage has no effect; add --host optuna")

    def at_a_time(self, settings: Settings) -> int:
        """One."""
        return 1

    @contextmanager
    def search(self, run: Run) -> Iterator[RunningSearch]:
        """Hold the journal, once the strategy has looked for what it needs."""
        with _interruptible():
            presearch(run)
        search = run.open_search()
        try:
            yield _ProcessSearch(run, search)
        finally:
            if search.journal is not None:
                search.journal.close()


class _ProcessSearch:
    """A search whose trials are trained while somebody waits for it."""

    where = "in this process, one trial at a time"

    def __init__(self, run: Run, search: Search) -> None:
        self._run = run
        self._search = search

    def wait(self, on_change: Callable[[History], None]) -> None:
        """Train what is left, and tell every change of the history.

        Raises
        ------
        UserError
            If the latest trials all failed for one reason, or the disk is full.
        """
        history = self._search.history
        self._search.recover(lambda trial: outcome_in(self._run.trial_directory(trial), trial.epochs))
        on_change(history)
        while not self._run.settings.are_met(history) and (trial := self._next()):
            self._search.tell(trial, self._outcome(trial))
            bound_checkpoints(self._run, history)
            on_change(history)

    def _next(self) -> Trial | None:
        """The next trial; None where the space has no other."""
        try:
            return self._search.ask()
        except SearchSpaceExhausted:
            return None
        except RepeatedFailure as failure:
            resume = f"nasplus resume {self._run.directory}"
            raise UserError(f"the search stopped after {failure}; go on with: {resume}") from None

    def _outcome(self, trial: Trial) -> Outcome:
        """How a trial ends; one that is interrupted leaves nothing, and is tried again."""
        directory = self._run.trial_directory(trial)
        clear_outcome(directory)
        try:
            self._train(trial, directory)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is this trial's, and the search goes on
            require_disk(error, self._run.directory)
            write_outcome(directory, failed(error))
        outcome = outcome_in(directory)
        assert outcome is not None
        return outcome

    def _train(self, trial: Trial, directory: Path) -> None:
        run = self._run
        with _interruptible():
            run.evaluator.evaluate(
                run.space, trial.architecture, directory, LogReporter(), run.directory, trial.epochs
            )  # no files for TensorBoard and no ONNX: together they take as long as a small training


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt every time: Lightning makes a SystemExit of it and is deaf from then on."""
    before = signal.getsignal(signal.SIGINT)
    try:
        with heeded():
            yield
    finally:
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)
