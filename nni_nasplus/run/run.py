"""A run directory: the settings of a search, its journal, data cache and trials."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nni_nasplus._files import damage_named, read_json, write_json
from nni_nasplus.data.cache import changed_inputs
from nni_nasplus.errors import UserError
from nni_nasplus.registry import instantiate
from nni_nasplus.run.directory.clock import seconds_used
from nni_nasplus.run.directory.locks import Part, held
from nni_nasplus.run.directory.places import absolute, missing, not_writable, require_room
from nni_nasplus.run.directory.repeats import repeats_in
from nni_nasplus.run.directory.selections import keep_selections, selected_in, selections_in
from nni_nasplus.run.directory.settings_file import SETTINGS, read_settings, write_settings
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.history import History
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.search import Search
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.time_limit import TimeLimit
from nni_nasplus.search.trial import Trial
from nni_nasplus.training.trial_folder import WEIGHTS, trial_directory

if TYPE_CHECKING:
    from torch import nn

    from nni_nasplus.networks.costs.latency import LatencyModel
    from nni_nasplus.networks.costs.timing import Timing
    from nni_nasplus.networks.network_space import NetworkSpace
    from nni_nasplus.training.evaluator import Evaluator

__all__ = ["CACHE", "MEMORY", "PRESEARCH", "SETTINGS", "Run"]

PRESEARCH = "presearch.json"
MEMORY = "memory.json"
LATENCY = "latency.csv"
CACHE = "data"
"""What the strategy found before the first trial, what earlier searches found, how long operations take here, and the
folder of prepared data."""


class Run:
    """A directory that holds a search.

    ``run.json`` has the space and the evaluator as ``class_path`` and ``init_args``, and the search's settings. Paths
    in it that lead into the directory are relative to it, so that it may be moved and copied.
    """

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory = directory
        self.settings = settings

    @classmethod
    def create(cls, directory: str | Path, settings: Settings, memory: Memory | None = None) -> Run:
        """Write the settings into a directory, and what earlier searches found, if there were any.

        Raises
        ------
        UserError
            If it holds a search already.
        """
        directory = Path(directory).resolve()
        cls.require_free(directory)
        if settings.storage is not None:
            settings = replace(settings, storage=absolute(settings.storage))
        if settings.latency_table is not None:
            settings = replace(settings, latency_table=str(Path(settings.latency_table).resolve()))
        if memory is None:
            settings = replace(settings, learn_from=None)
        else:
            write_json(directory / MEMORY, memory.to_json())
        return cls(directory, replace(settings, study=settings.study or directory.name))._written()

    def with_settings(self, **changed: Any) -> Run:
        """The run with other settings, from now on."""
        return Run(self.directory, replace(self.settings, **changed))._written()

    def _written(self) -> Run:
        write_settings(self.directory, self.settings)
        return self

    def require_writable(self) -> None:
        """Raise :class:`UserError` if nothing can be written into the directory."""
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise not_writable(self.directory, "Permission denied, or read-only")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold all of the run directory, as the command that searches does.

        Raises
        ------
        UserError
            If another process holds a part of it, or it cannot be written.
        """
        with self.held("trials"), self.held("models"):
            yield

    def held(self, part: Part) -> AbstractContextManager[None]:
        """Hold a part of the run directory in a ``with`` block; the system lets go of it when the holder dies.

        Parameters
        ----------
        part
            ``trials``, as what shows them does, or ``models``, as what trains others of them does.

        Raises
        ------
        UserError
            If another process holds it, or it cannot be written.
        """
        return held(self.directory, part)

    @staticmethod
    def require_free(directory: Path) -> None:
        """Raise :class:`UserError` if a directory holds a search, or other files, or nothing can be written into it."""
        require_room(directory)
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
            If it holds no search, or one of another release.
        """
        directory = Path(directory).resolve()
        return cls(directory, read_settings(directory))

    @cached_property
    def space(self) -> NetworkSpace:
        """The space, over the prepared data's sizes."""
        from nni_nasplus.networks.network_space import NetworkSpace

        with damage_named(self.directory / SETTINGS):
            return instantiate(self.settings.space, NetworkSpace)

    @cached_property
    def evaluator(self) -> Evaluator:
        """What trains and scores."""
        from nni_nasplus.training.evaluator import Evaluator

        with damage_named(self.directory / SETTINGS):
            return instantiate(self.settings.evaluator, Evaluator)  # type: ignore[type-abstract]

    def require_whole(self) -> None:
        """Raise :class:`UserError` if what the evaluator reads in the directory is not there: half a copy."""
        for path in missing(self.settings.evaluator, self.directory):
            raise UserError(f"{path} is not there; copy all of the directory that {self.directory} comes from")

    @property
    def cache(self) -> Path:
        """The prepared data."""
        return self.directory / CACHE

    def warn_of_edits(self) -> None:
        """Say in a warning which files of the data were changed since they were prepared: results are of the old."""
        for line in changed_inputs(self.cache):
            warnings.warn(f"{line} since the data were read: the result is that of the data before", stacklevel=2)

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
        history = Journal.read(self.directory / JOURNAL).history
        history.costs = tuple(self.settings.costs)
        return history

    @property
    def time_limit(self) -> TimeLimit | None:
        """When the search is to end, if its settings say so."""
        minutes = self.settings.minutes
        return None if minutes is None else TimeLimit(60 * minutes, partial(seconds_used, self.directory))

    @property
    def is_over(self) -> bool:
        """Whether the search has done all that it was to do, or has no time for more."""
        if not self.has_trials:
            return False
        history, limit = self.history(), self.time_limit
        is_late = limit is not None and limit.is_over(history, self.settings.make_budget())
        return is_late or self.settings.are_met(history)

    def ranking(self, space: SearchSpace) -> Ranking | None:
        """What the strategy has found before the first trial; None where it has not looked.

        Raises
        ------
        UserError
            If the file holds no ranking of this space.
        """
        path = self.directory / PRESEARCH
        return Ranking.from_json(space, read_json(path, "remove it to look again")) if path.is_file() else None

    def memory(self, space: SearchSpace) -> Memory | None:
        """What earlier searches found, as it was when this one began; None where it learns from none.

        Raises
        ------
        UserError
            If the file is damaged, missing, or of another space.
        """
        path = self.directory / MEMORY
        if self.settings.learn_from is None:
            return None
        with damage_named(path):
            content = read_json(path)
            if content["space"] != json.loads(json.dumps(space.to_json())):
                raise UserError(f"{path} is of another space; restore it from a copy")
            return Memory.from_json(content, space)

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
        if space is None:
            space = self.space.search_space
        else:
            space.drawn_by = lambda: self.space.search_space.drawn
        settings = self.settings
        journal = Journal.at(
            self.directory / JOURNAL,
            space,
            direction=settings.direction,
            **{name: getattr(settings, name) for name in ("strategy", "strategy_options", "seed")},
            **({"budget": settings.budget, "budget_options": settings.budget_options} if settings.budget else {}),
        )
        try:
            return self.new_search(space, journal)
        except BaseException:
            journal.close()
            raise

    def new_search(self, space: SearchSpace, journal: Journal | None = None) -> Search:
        """The search of these settings, on a journal or in memory: for hosts that keep the history themselves.

        Of what was trained again after an earlier end of the search, it knows the scores.
        """
        search = Search(
            space,
            self.settings.make_strategy(),
            seed=self.settings.seed,
            direction=self.settings.direction,
            initial=self.settings.initial,  # type: ignore[arg-type]  # architectures, once a run is made
            ranking=self.ranking(space),
            earlier=self.memory(space) or (),
            journal=journal,
            excess=self.excess if self.settings.limits else None,
            max_failures=self.settings.max_failures,
            costs=self.settings.costs,
            budget=self.settings.make_budget(),
            time_limit=self.time_limit,
        )
        search.history.repeats = repeats_in(self.directory)
        return search

    def excess(self, architecture: Architecture) -> str | None:
        """The first limit of the settings that an architecture exceeds, in words."""
        latency = self.latency if self.settings.max_latency_ms is not None else None
        return self.settings.limits.excess(self.space, architecture, latency, self.timing)

    @cached_property
    def latency(self) -> LatencyModel | None:
        """What predicts latencies, which is measured when it is first asked for; None where each network has to be.

        Raises
        ------
        UserError
            If the table of the settings is of other networks, or the one kept is damaged.
        """
        from nni_nasplus.networks.costs.latency import LatencyModel

        given = self.settings.latency_table
        return LatencyModel.of(
            self.space, self.directory / LATENCY, None if given is None else Path(given), self.timing
        )

    @property
    def timing(self) -> Timing:
        """How latencies are measured on this machine."""
        from nni_nasplus.networks.costs.timing import Timing

        return Timing(self.settings.latency_threads, self.settings.latency_runtime)

    def trial_directory(self, trial: Trial) -> Path:
        """Where a trial left its weights."""
        return trial_directory(self.directory, self.space.search_space.key(trial.architecture))

    def weights(self, trial: Trial) -> Path:
        """The file of a finished trial's weights; UserError if it is not there."""
        path = self.trial_directory(trial) / WEIGHTS
        if not path.is_file():
            raise UserError(
                f"trial {trial.number} has left no weights: {path} is not there; copy it too, if this is a copy"
            )
        return path

    def member(self, trial: Trial) -> dict[str, Any]:
        """A finished trial as a model's only network, in the folder that is relative to the directory.

        Raises
        ------
        UserError
            If it has left no weights.
        """
        folder = self.weights(trial).parent.relative_to(self.directory).as_posix()
        name = f"trial {trial.number}"
        space, architecture = self.settings.space, trial.architecture
        return {"name": name, "space": space, "architecture": architecture, "folder": folder, "weight": 1.0}

    def selected(self, what: str = "ensemble") -> dict[str, Any] | None:
        """What the tail of the search has selected under a name; None where it has selected nothing.

        It selects an ``ensemble``, one of ``networks`` of the space alone, the ``winner``, and each baseline; where
        the ensemble has taught the winner, ``distilled`` too, and ``untaught``, what the winner was before. An export
        may have added ``distilled``, and what was trained again, such as ``refit ensemble``.

        The members that it names are as :meth:`member` gives them: see
        :func:`~nni_nasplus.run.directory.selections.selected_in`.

        Raises
        ------
        UserError
            If the file is damaged.
        """
        return selected_in(self.directory, what)

    @property
    def selections(self) -> dict[str, Any]:
        """By name all that :meth:`selected` gives; UserError if the file is damaged."""
        return selections_in(self.directory)

    def select(self, selected: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep this, and nothing else, for :meth:`selected` to give."""
        keep_selections(self.directory, selected)

    def network(self, trial: Trial) -> nn.Module:
        """The trained network of a finished trial; UserError if its weights are not there."""
        return self.space.trained(trial.architecture, self.weights(trial))
