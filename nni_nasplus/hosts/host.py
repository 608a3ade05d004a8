"""What every host does: run the trials of a search in a directory."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from nni_nasplus.errors import UserError
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.history import History

__all__ = ["Host", "RunningSearch"]


class RunningSearch(Protocol):
    """A search whose trials run."""

    @property
    def where(self) -> str:
        """Where to watch it, for people."""

    def wait(self, on_change: Callable[[History], None]) -> None:
        """Block until the search is over; tell every change of its history.

        Raises
        ------
        UserError
            If it ended in error or was ended from outside, or its latest trials all failed for one reason.
        """


class Host(ABC):
    """An experiment manager that runs trials; installed ones are found by the entry points ``nni_nasplus.hosts``."""

    @abstractmethod
    def check(self, settings: Settings) -> None:
        """Raise :class:`UserError` naming what this host cannot do of the settings, before anything is written."""

    def at_a_time(self, settings: Settings) -> int:
        """How many trials run at a time."""
        return settings.concurrency

    def require_idle(self, run: Run) -> None:  # noqa: B027  # most hosts have nothing that outlives a search
        """Raise :class:`UserError` if a part of this host that an earlier search left still works on a run."""

    @abstractmethod
    def search(self, run: Run) -> AbstractContextManager[RunningSearch]:
        """Start a search or go on with it; its presearch, where it is still to be done, comes first.

        What runs is ended on exit, and what had finished is kept.

        Raises
        ------
        UserError
            On entry, if it cannot start.
        """

    def work(self, run: Run) -> None:
        """Train trials of a search that runs elsewhere until none is left.

        Raises
        ------
        UserError
            If this host starts its own trials.
        """
        raise UserError(f"{run.directory} is a search of host {run.settings.host}, which starts its own trials")

    def viewer(self, run: Run) -> str:
        """The command that shows the trials of a run, or several, for people."""
        return shlex.join(["nasplus", "show", str(run.directory)])

    def conclude(self, run: Run) -> None:  # noqa: B027  # most hosts have no place for it
        """Say what a search has found where people watch this host's trials, once its result is written."""

    def stop(self, run: Run) -> list[str]:
        """End what still works on a run, whatever left it behind; a line about each."""
        return []
