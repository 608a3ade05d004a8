"""A small space, and tables of it that are quickly searched."""

from __future__ import annotations

import numpy as np

from nni_nasplus import SearchSpace, registry
from nni_nasplus.replay.replay import Table
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.search.table_space import TableSpace

WHOLE = SearchSpace(
    {"op": ["a", "b", "c"], "heads": [1, 2, 4], "skip": [False, True], "width": [8, 16]},
    {"heads": {"op": ["a", "b"]}},
)
ALL = list(WHOLE)
STRATEGIES = registry.available("strategies")


def pool_of(count, seed=0):
    """A table of some of the architectures, shuffled."""
    order = np.random.default_rng(seed).permutation(len(ALL))[:count]
    return TableSpace(WHOLE, [ALL[i] for i in order])


def table_of(count, seed=0, **changes):
    scores = np.random.default_rng([seed, 1]).permutation(count).astype(float)
    given = {"name": "toy", "pool": pool_of(count, seed), "scores": scores, "direction": "maximize", "top": 2}
    return Table(**given | changes)


def distance(a, b):
    return sum(a.get(name) != b.get(name) for name in WHOLE.decisions)


def search_on(name, table, seed):
    return Search(table.space, make_strategy(name, {}), seed=seed, direction=table.direction)
