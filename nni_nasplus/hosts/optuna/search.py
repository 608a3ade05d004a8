"""Run a search as an Optuna study: worker processes on this machine, and any that join from others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType

import optuna

from nni_nasplus._signals import held, start
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.optuna.mirror import Mirror
from nni_nasplus.hosts.optuna.study import (
    fill_queue,
    has_more,
    most_trials,
    open_study,
    storage_url,
    study_name,
    unfinished,
)
from nni_nasplus.hosts.optuna.study_page import describe_search
from nni_nasplus.run.checkpoints import bound_checkpoints
from nni_nasplus.run.run import Run
from nni_nasplus.search.history import History
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.search import repeated_failure

__all__ = ["OptunaSearch"]

_POLL_S = 0.3
_PATIENCE_S = 10.0


class OptunaSearch:
    """A run as a study, as a context manager: workers are started on entry and ended on exit.

    Raises
    ------
    UserError
        On entry, if the storage cannot be reached or holds another study of that name.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._workers: list[subprocess.Popen[bytes]] = []

    @property
    def where(self) -> str:
        """The study, for optuna-dashboard and for other workers."""
        return f"study {study_name(self.run)} in {storage_url(self.run)}"

    def __enter__(self) -> OptunaSearch:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = open_study(self.run)
        describe_search(self.run, self._study)
        self._journal = self._opened_journal()
        self._mirror = Mirror(self._study, self._journal, is_budgeted=self.run.settings.budget is not None)
        self._mirror.copy()
        if self.run.settings.budget is None and self.run.settings.minutes is None:
            fill_queue(self._study, int(most_trials(self.run)))
        directory, parent = str(self.run.directory), str(os.getpid())
        command = [sys.executable, "-m", "nni_nasplus.hosts.optuna", directory, parent]
        with held():
            self._workers = [start(command) for _ in range(self.run.settings.concurrency)]
        return self

    def _opened_journal(self) -> Journal:
        journal = self.run.open_search().journal
        assert journal is not None
        return journal

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with held():
            self._end_workers()
            self._journal.close()

    def _end_workers(self) -> None:
        """End them together; one that does not heed it, in a long call into a library, is killed."""
        for worker in self._workers:
            worker.terminate()
        deadline = time.monotonic() + _PATIENCE_S
        for worker in self._workers:
            try:
                worker.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    def wait(self, on_change: Callable[[History], None]) -> None:
        """Block until nothing waits or runs; tell every change of the history.

        Raises
        ------
        UserError
            If all workers died, or the latest trials all failed for one reason.
        """
        while has_more(self.run, self._study):
            time.sleep(_POLL_S)
            self._mirror.copy()
            bound_checkpoints(self.run, self._journal.history)
            on_change(self._journal.history)
            self._require_success()
            if all(worker.poll() is not None for worker in self._workers):
                if unfinished(self._study):
                    raise UserError(f"the workers ended; what had finished is kept, go on with: {self._resume}")
                break
        self._mirror.copy()
        on_change(self._journal.history)

    @property
    def _resume(self) -> str:
        return f"nasplus resume {os.fspath(self.run.directory)}"

    def _require_success(self) -> None:
        count = self.run.settings.max_failures
        if failing := repeated_failure(self._journal.history, count):
            raise UserError(
                f"the search stopped after {count} trials in a row failed: {failing}; go on with: {self._resume}"
            )
