"""Run a search as an Optuna study: worker processes on this machine, and any that join from others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType

import optuna

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.optuna.mirror import Mirror
from nni_nasplus.hosts.optuna.study import fill_queue, open_study, storage_url, study_name, unfinished
from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL, Journal
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
        self._archive = self._opened_archive()
        self._mirror = Mirror(self._study, self._archive, self.run.space.search_space)
        self._mirror.copy()
        fill_queue(self._study, self.run.settings["trials"])
        directory, parent = str(self.run.directory), str(os.getpid())
        command = [sys.executable, "-m", "nni_nasplus.hosts.optuna.worker", directory, parent]
        self._workers = [subprocess.Popen(command) for _ in range(self.run.settings["concurrency"])]
        return self

    def _opened_archive(self) -> Journal:
        settings = self.run.settings
        header = {name: settings[name] for name in ("strategy", "seed", "options")}
        header |= {"direction": self.run.evaluator.direction, "space": self.run.space.search_space.to_json()}
        path = self.run.directory / JOURNAL
        return Journal.open(path, header) if path.exists() else Journal.create(path, header)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            try:
                worker.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                worker.kill()
        self._archive.close()

    def wait(self, on_change: Callable[[Journal], None]) -> None:
        """Block until nothing waits or runs; tell every change of the archive.

        Raises
        ------
        UserError
            If all workers died, or the latest trials all failed for one reason.
        """
        while unfinished(self._study):
            time.sleep(_POLL_S)
            self._mirror.copy()
            on_change(self._archive)
            self._require_success()
            if all(worker.poll() is not None for worker in self._workers) and unfinished(self._study):
                raise UserError(f"the workers ended; what had finished is kept, go on with: {self._resume}")
        self._mirror.copy()
        on_change(self._archive)

    @property
    def _resume(self) -> str:
        return f"nasplus resume {os.fspath(self.run.directory)}"

    def _require_success(self) -> None:
        failing = repeated_failure(self._archive, self.run.settings.get("max_failures"))
        if failing:
            count = self.run.settings["max_failures"]
            raise UserError(
                f"the search stopped after {count} trials in a row failed: {failing}; go on with: {self._resume}"
            )
