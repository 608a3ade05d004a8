"""A run directory: the settings of a search, its journal, data cache and trials."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout

from nni_nasplus._files import write_json
from nni_nasplus.errors import UserError
from nni_nasplus.registry import installed
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.history import History, Trial
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.search import Search
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.training.trial_folder import WEIGHTS, trial_directory

if TYPE_CHECKING:
    from torch import nn

    from nni_nasplus.networks.network_space import NetworkSpace
    from nni_nasplus.training.evaluator import Evaluator

__all__ = ["CACHE", "PRESEARCH", "SETTINGS", "Run", "described", "instantiate"]

VERSION = 2
"""1 had options in place of settings, and what strategies had found among them."""
SETTINGS = "run.json"
PRESEARCH = "presearch.json"
CACHE = "data"
"""The files and the folder of prepared data in a run directory."""
T = TypeVar("T")


class Run:
    """A directory that holds a search.

    ``run.json`` has the space and the evaluator as ``class_path`` and ``init_args``, and the search's settings.
    """

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory = directory
        self.settings = settings

    @classmethod
    def create(cls, directory: str | Path, settings: Settings) -> Run:
        """Write the settings into a directory.

        Raises
        ------
        UserError
            If it holds a search already.
        """
        directory = Path(directory).resolve()
        cls.require_free(directory)
        directory.mkdir(parents=True, exist_ok=True)
        return cls(directory, settings)._written()

    def with_settings(self, **changed: Any) -> Run:
        """The run with other settings, from now on."""
        return Run(self.directory, replace(self.settings, **changed))._written()

    def _written(self) -> Run:
        write_json(self.directory / SETTINGS, {"version": VERSION, **self.settings.to_json()})
        return self

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the run directory, as the command that searches does; the system lets go of it when the holder dies.

        Raises
        ------
        UserError
            If another process holds it.
        """
        lock = FileLock(self.directory / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"another process searches in {self.directory}; wait for it or end it") from None
        try:
            yield
        finally:
            lock.release()

    @staticmethod
    def require_free(directory: Path) -> None:
        """Raise :class:`UserError` if a directory holds a search, or other files."""
        if directory.is_file():
            raise UserError(f"{directory} is a file; name a new directory with --out")
        if (directory / SETTINGS).exists():
            raise UserError(f"{directory} already holds a search; name another directory with --out")
        if directory.is_dir() and any(entry.name != CACHE and entry.name[0] != "." for entry in directory.iterdir()):
            raise UserError(f"{directory} is not empty; name a new directory with --out")

    @classmethod
    def open(cls, directory: str | Path) -> Run:
        """Read a run directory.

        Raises
        ------
        UserError
            If it holds no search.
        """
        directory = Path(directory).resolve()
        path = directory / SETTINGS
        if not path.is_file():
            raise UserError(f"{directory} holds no search: {SETTINGS} is missing; name the directory given to --out")
        content = json.loads(path.read_text(encoding="utf-8"))
        if (version := content.pop("version", None)) != VERSION:
            raise UserError(
                f"{path} has format {version}, this release reads {VERSION}; search anew with another --out"
            )
        try:
            return cls(directory, Settings.from_json(content))
        except TypeError as error:
            raise UserError(f"{path} has settings that this release does not know: {error}") from None

    @cached_property
    def space(self) -> NetworkSpace:
        """The space, over the prepared data's sizes."""
        from nni_nasplus.networks.network_space import NetworkSpace

        return instantiate(self.settings.space, NetworkSpace)

    @cached_property
    def evaluator(self) -> Evaluator:
        """What trains and scores."""
        from nni_nasplus.training.evaluator import Evaluator

        return instantiate(self.settings.evaluator, Evaluator)  # type: ignore[type-abstract]

    @property
    def cache(self) -> Path:
        """The prepared data."""
        return self.directory / CACHE

    @property
    def has_trials(self) -> bool:
        """Whether anything was proposed yet."""
        return (self.directory / JOURNAL).exists()

    def history(self) -> History:
        """The trials as they are now, to look at.

        Raises
        ------
        UserError
            If nothing was proposed yet.
        """
        if not self.has_trials:
            raise UserError(f"{self.directory} has no trial yet; begin or go on with: nasplus resume {self.directory}")
        return Journal.read(self.directory / JOURNAL).history

    def ranking(self, space: SearchSpace) -> Ranking | None:
        """What the strategy has found before the first trial; None where it has not looked.

        Raises
        ------
        UserError
            If the file holds no ranking of this space.
        """
        path = self.directory / PRESEARCH
        return Ranking.from_json(space, json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None

    def open_search(self, space: SearchSpace | None = None) -> Search:
        """Begin the search, or go on with it: this process is the one that writes the journal, until it is closed.

        Parameters
        ----------
        space
            For processes without torch; by default the decisions of :attr:`space`.

        Raises
        ------
        UserError
            If another process writes the journal, or it is of another search.
        """
        space, settings = space or self.space.search_space, self.settings
        journal = Journal.at(
            self.directory / JOURNAL,
            space,
            direction=settings.direction,
            **{name: getattr(settings, name) for name in ("strategy", "strategy_options", "seed")},
        )
        return self.new_search(space, journal)

    def new_search(self, space: SearchSpace, journal: Journal | None = None) -> Search:
        """The search of these settings, on a journal or in memory: for hosts that keep the history themselves."""
        return Search(
            space,
            self.settings.make_strategy(),
            seed=self.settings.seed,
            direction=self.settings.direction,
            initial=self.settings.initial,  # type: ignore[arg-type]  # architectures, once a run is made
            ranking=self.ranking(space),
            journal=journal,
            excess=self.excess if self.settings.limits else None,
            max_failures=self.settings.max_failures,
        )

    def excess(self, architecture: Architecture) -> str | None:
        """The first limit of the settings that an architecture exceeds, in words."""
        return self.settings.limits.excess(self.space, architecture)

    def trial_directory(self, trial: Trial) -> Path:
        """Where a trial left its weights."""
        return trial_directory(self.directory, self.space.search_space.key(trial.architecture))

    def network(self, trial: Trial) -> nn.Module:
        """The trained network of a finished trial."""
        return self.space.trained(trial.architecture, self.trial_directory(trial) / WEIGHTS)


def described(kind: type, init_args: Mapping[str, Any]) -> dict[str, Any]:
    """A class and its arguments as JSON values."""
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": dict(init_args)}


def instantiate(description: Mapping[str, Any], kind: type[T]) -> T:
    """The object of :func:`described`.

    Raises
    ------
    UserError
        If the description names no installed subclass of ``kind``: nothing else is called, whatever a file says.
    """
    return installed(description["class_path"], kind)(**description["init_args"])
