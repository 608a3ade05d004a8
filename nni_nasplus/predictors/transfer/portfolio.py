"""A few architectures that are good in every earlier search: what a new one may begin with."""

from __future__ import annotations

from collections.abc import Collection
from weakref import WeakKeyDictionary

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.predictors.transfer.tasks import tasks_of
from nni_nasplus.search.history import History
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import mean_ranks
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.trial import Proposal

__all__ = ["first_remembered", "portfolio"]

# Of a space that is as small all architectures are asked about, not only those that were trained before.
_WHOLE = 1000


def portfolio(
    memory: Memory, space: SearchSpace, size: int, without: Collection[Architecture] = ()
) -> list[Architecture]:
    """At most ``size`` architectures of a space whose best rank on each task has, together, the lowest mean.

    Greedily: the one with the lowest mean rank over the tasks, then the one that lowers most the mean of the best rank
    so far (Wistuba et al., *Sequential Model-Free Hyperparameter Tuning*, 2015, and the portfolios of TabRepo, arXiv
    2311.02971). Where nothing is gained any more, as of one task after its best, another such portfolio of what is left
    follows. What a task has not trained, its model ranks.

    Parameters
    ----------
    without
        What is tried in any case.

    Returns
    -------
    list
        The best first.
    """
    tried = {space.key(one) for one in without}
    candidates = [one for one in _candidates(memory, space) if space.key(one) not in tried]
    if not candidates:
        return []
    ranks = np.array([mean_ranks(-row) for row in tasks_of(memory).known(candidates)])
    chosen: list[int] = []
    best = none = np.full(len(ranks), np.inf)
    while len(chosen) < min(size, len(candidates)):
        means = np.minimum(ranks, best[:, None]).mean(axis=0)
        means[chosen] = np.inf
        first = int(means.argmin())
        if means[first] < best.mean():
            chosen.append(first)
            best = np.minimum(best, ranks[:, first])
        else:
            best = none
    return [candidates[one] for one in chosen]


def first_remembered(history: History, size: int) -> Proposal | None:
    """The first of the portfolio that was never proposed; None where there is none left, or no memory."""
    if history.memory is None:
        return None
    found = _PORTFOLIOS.setdefault(history, {})
    if size not in found:
        found[size] = portfolio(history.memory, history.space, size, without=history.initial)
    return next((Proposal(one, "memory") for one in found[size] if history.is_new(one)), None)


_PORTFOLIOS: WeakKeyDictionary[History, dict[int, list[Architecture]]] = WeakKeyDictionary()
"""By history and size: all first proposals are of the same."""


def _candidates(memory: Memory, space: SearchSpace) -> list[Architecture]:
    """What some task trained, and all of a small space."""
    if space.size is not None and space.size <= _WHOLE:
        return list(space)
    trained = [one for ranking in memory.tasks.values() for one in ranking.architectures]
    return [one for one in {space.whole.key(one): one for one in trained}.values() if _has(space, one)]


def _has(space: SearchSpace, architecture: Architecture) -> bool:
    try:
        space.validate(architecture)
    except UserError:
        return False
    return True
