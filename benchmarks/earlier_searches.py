"""Earlier searches for replays with memory, as METHOD+KIND names them: thompson+memory.

memory    on NAS-Bench-201 50 trainings of thompson on each of the two other data sets; on the tables of SeqNAS four
          fifths, drawn, of what was published of each of the three others
random    50 random trainings on each of the others
negated   those of random, the best for the worst
shuffled  those of random, in a random order
opposite  50 random trainings on the table itself, the best for the worst
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import tables

from nni_nasplus import UserError
from nni_nasplus.replay.replay import Table, replay
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy

__all__ = ["KINDS", "earlier"]

KINDS = ("memory", "random", "negated", "shuffled", "opposite")
_TRAININGS, _SHARE = 50, 0.8


def earlier(kind: str, name: str, seed: int, data: Path | None) -> Memory:
    """The memory of a kind for a search of a table.

    Raises
    ------
    UserError
        If there is no such kind, or the table has no others beside it.
    """
    if kind not in KINDS:
        raise UserError(f"there are no earlier searches '{kind}'; use {', '.join(KINDS)}")
    family = next((one for one in (tables.NB201, tables.SEQNAS) if name in one), {})
    others = [name] if kind == "opposite" else [other for other in family if other != name]
    if not others:
        raise UserError(f"{name} has no other table beside it, so that nothing is there to learn from")
    found = {other: _rows(kind, other, seed, data) for other in others}
    return Memory(
        _table(name, data).pool.whole, {other: _ranking(kind, other, found[other], seed, data) for other in found}
    )


@lru_cache(maxsize=4)
def _table(name: str, data: Path | None) -> Table:
    return tables.load(name, data)


@lru_cache(maxsize=256)
def _rows(kind: str, name: str, seed: int, data: Path | None) -> tuple[int, ...]:
    """What was trained on a table, in order."""
    table = _table(name, data)
    if kind == "memory" and name in tables.NB201:
        search = Search(table.space, make_strategy("thompson", {}), seed=_apart(seed), direction=table.direction)
        return tuple(replay(search, table, budget=_TRAININGS, seed=_apart(seed)).rows)
    count = int(_SHARE * len(table.pool)) if kind == "memory" else _TRAININGS
    drawn = np.random.default_rng([_apart(seed), list(tables.NAMES).index(name)])
    return tuple(drawn.choice(len(table.pool), count, replace=False).tolist())


def _ranking(kind: str, name: str, rows: tuple[int, ...], seed: int, data: Path | None) -> Ranking:
    table = _table(name, data)
    utilities = -table.regrets[list(rows)]
    if kind in ("negated", "opposite"):
        utilities = -utilities
    if kind == "shuffled":
        utilities = np.random.default_rng([_apart(seed), 1]).permutation(utilities)
    return Ranking.of(table.pool.take(rows), utilities)


def _apart(seed: int) -> int:
    """The seed of an earlier search: none that a replay has."""
    return 1000 + seed
