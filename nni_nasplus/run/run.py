"""A run directory: the settings of a search, its journal, data cache and trials."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock, Timeout

from nni_nasplus._files import write_json
from nni_nasplus.errors import UserError
from nni_nasplus.registry import installed
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.training.trial_folder import WEIGHTS, trial_directory

if TYPE_CHECKING:
    from torch import nn

    from nni_nasplus.networks.network_space import NetworkSpace
    from nni_nasplus.search.journal import Trial
    from nni_nasplus.training.evaluator import Evaluator

__all__ = ["CACHE", "SETTINGS", "Run", "described", "instantiate"]

VERSION = 1
SETTINGS = "run.json"
CACHE = "data"
"""The file and the folder of prepared data in a run directory."""
T = TypeVar("T")


class Run:
    """A directory that holds a search.

    ``run.json`` has the space and the evaluator as ``class_path`` and ``init_args``, and the search's settings.
    """

    def __init__(self, directory: Path, settings: Mapping[str, Any]) -> None:
        self.directory = directory
        self.settings = dict(settings)

    @classmethod
    def create(cls, directory: str | Path, settings: Mapping[str, Any]) -> Run:
        """Write the settings into a directory.

        Raises
        ------
        UserError
            If it holds a search already.
        """
        directory = Path(directory).resolve()
        cls.require_free(directory)
        directory.mkdir(parents=True, exist_ok=True)
        run = cls(directory, {"version": VERSION, **settings})
        write_json(directory / SETTINGS, run.settings)
        return run

    @classmethod
    def rewrite(cls, directory: Path, settings: Mapping[str, Any]) -> Run:
        """Replace the settings of a run directory."""
        write_json(directory / SETTINGS, settings)
        return cls(directory, settings)

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
        settings = json.loads(path.read_text(encoding="utf-8"))
        if settings.get("version") != VERSION:
            raise UserError(f"{path} has format {settings.get('version')}, this release reads {VERSION}")
        return cls(directory, settings)

    @cached_property
    def space(self) -> NetworkSpace:
        """The space, over the prepared data's sizes."""
        from nni_nasplus.networks.network_space import NetworkSpace

        return instantiate(self.settings["space"], NetworkSpace)

    @cached_property
    def evaluator(self) -> Evaluator:
        """What trains and scores."""
        from nni_nasplus.training.evaluator import Evaluator

        return instantiate(self.settings["evaluator"], Evaluator)  # type: ignore[type-abstract]

    @property
    def cache(self) -> Path:
        """The prepared data."""
        return self.directory / CACHE

    def archive(self) -> Journal:
        """The journal as it is now, to read.

        Raises
        ------
        UserError
            If nothing was proposed yet.
        """
        path = self.directory / JOURNAL
        if not path.exists():
            raise UserError(f"{self.directory} has no trial yet; begin or go on with: nasplus resume {self.directory}")
        return Journal.read(path)

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
