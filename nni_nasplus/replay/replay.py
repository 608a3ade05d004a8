"""Searching again, on a table of architectures that were trained already."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import Direction, SearchSpaceExhausted
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.table_space import TableSpace

__all__ = ["Asker", "Replay", "Table", "parse_method", "replay", "top_share"]


class Asker(Protocol):
    """What can be replayed: every search, and any other behind the same two methods."""

    def ask(self) -> Any:
        """Something with an ``architecture`` of the table that was not asked before."""

    def tell(self, asked: Any, score: float | None) -> None:
        """The score of what was asked; None for a failure."""


@dataclass(frozen=True)
class Table:
    """Architectures and what each of them reached.

    Parameters
    ----------
    name
        For people to read.
    pool
        The architectures.
    scores
        Of every row, NaN where training failed; float [rows].
    direction
        Whether a high or a low score is good.
    top
        How many of the best rows a search is to find one of.
    runs
        Scores of single trainings; float [rows, trainings], NaN where there are fewer. With them a search is told
        one of them, drawn, instead of ``scores``, by which it is judged.
    encode
        A code of its authors' for a peer that is used to it; one-hot without.
    seconds
        What training a row takes where searches are compared by time; float [rows].
    tests
        What the rows reach on test data, where that is known; float [rows].

    Raises
    ------
    UserError
        If no row has a score, or there are more or fewer scores than rows.
    """

    name: str
    pool: TableSpace
    scores: np.ndarray
    direction: Direction
    top: int
    runs: np.ndarray | None = None
    encode: Callable[[Architecture], Sequence[float]] | None = None
    seconds: np.ndarray | None = None
    tests: np.ndarray | None = None

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.pool):
            raise UserError(f"table {self.name} has {len(self.pool)} rows and {len(self.scores)} scores")
        if not np.isfinite(self.scores).any():
            raise UserError(f"table {self.name} has no score")

    @cached_property
    def space(self) -> SearchSpace:
        """What to search: the whole space where the table has all of it, else its rows."""
        return self.pool.whole if self.pool.whole.size == len(self.pool) else self.pool

    @cached_property
    def regrets(self) -> np.ndarray:
        """How much worse every row is than the best, infinite where training failed; float [rows], ≥ 0."""
        losses = -self.scores if self.direction == "maximize" else self.scores
        losses = np.where(np.isfinite(losses), losses, np.inf)
        return losses - losses.min()

    def tell(self, row: int, rng: np.random.Generator) -> float | None:
        """What a search is told about a row."""
        trained = self.scores[[row]] if self.runs is None else self.runs[row]
        trained = trained[np.isfinite(trained)]
        return float(rng.choice(trained)) if len(trained) else None

    def reached(self, rows: list[int], top: int | None = None) -> int | None:
        """How many evaluations until one of the ``top`` rows was found; None if none was."""
        limit = np.sort(self.regrets)[(self.top if top is None else top) - 1]
        found = np.flatnonzero(self.regrets[rows] <= limit)
        return int(found[0]) + 1 if len(found) else None


@dataclass(frozen=True)
class Replay:
    """The rows of the table in the order in which a search evaluated them, and the seconds of CPU it took to choose.

    ``told`` is what it was told of each row, None for a failure.
    """

    rows: list[int]
    seconds: float
    told: list[float | None]


def parse_method(text: str) -> tuple[str, dict[str, Any]]:
    """``name:option=value,option=value`` as the name and the options; values are JSON, or else text.

    Raises
    ------
    UserError
        If an option has no value.
    """
    name, _, given = text.partition(":")
    pairs = [option.partition("=") for option in given.split(",") if option]
    if wrong := [option for option, equals, _ in pairs if not equals]:
        raise UserError(f"'{text}': option '{wrong[0]}' has no value; write {name}:{wrong[0]}=…")
    return name, {option: _value(value) for option, _, value in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def top_share(rows: int, share: float) -> int:
    """How many rows are among the best ``share`` of a table; at least one."""
    return max(1, int(rows * share))


def replay(
    asker: Asker,
    table: Table,
    *,
    budget: int,
    batch: int = 1,
    enough: int | None = None,
    seed: int = 0,
    training: float = float("inf"),
) -> Replay:
    """Run a search on a table.

    Parameters
    ----------
    asker
        The search, new.
    table
        What it searches.
    budget
        Evaluations at most; fewer if the table is exhausted.
    batch
        How many architectures are in training at a time: that many are asked, then all of them told.
    enough
        Stop after this many evaluations if the target was found by then.
    seed
        Of the draws among a row's trainings.
    training
        Seconds of training at most, one after the other, where the table knows them; a batch that would take longer is
        not told any more.

    Raises
    ------
    UserError
        If ``training`` is given and the table does not know how long it takes.
    """
    if training < float("inf") and table.seconds is None:
        raise UserError(f"table {table.name} does not say how long training takes; limit the evaluations instead")
    rng = np.random.default_rng([seed, 0])
    rows: list[int] = []
    told: list[float | None] = []
    seconds = 0.0
    while len(rows) < budget and not (enough is not None and len(rows) >= enough and table.reached(rows)):
        started = time.process_time()
        asked = _asked(asker, min(batch, budget - len(rows)))
        seconds += time.process_time() - started
        if not asked:
            break
        new = [table.pool.row(one.architecture) for one in asked]
        if table.seconds is not None and table.seconds[rows + new].sum() > training:
            break
        scores = [table.tell(row, rng) for row in new]
        rows += new
        told += scores
        started = time.process_time()
        for one, score in zip(asked, scores, strict=True):
            asker.tell(one, score)
        seconds += time.process_time() - started
    return Replay(rows, seconds, told)


def _asked(asker: Asker, count: int) -> list[Any]:
    asked: list[Any] = []
    try:
        while len(asked) < count:
            asked.append(asker.ask())
    except SearchSpaceExhausted:
        pass
    return asked
