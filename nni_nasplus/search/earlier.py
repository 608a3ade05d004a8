"""Histories of earlier searches as the memory of a new one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.trial import Trial

__all__ = ["memory_of"]


def memory_of(histories: Mapping[str, History], space: SearchSpace | None = None) -> Memory:
    """The memory of one or more searches, carried over to a space; by default that of the first.

    Parameters
    ----------
    histories
        By the names of their tasks.

    Raises
    ------
    UserError
        If a history has no result, or its space has too little in common with the other.

    Examples
    --------
    >>> search = Search(space, ThompsonSampling(), earlier=memory_of({"uci": history}))
    """
    alone = [Memory(history.space.whole, {name: _ranked(name, history)}) for name, history in histories.items()]
    return Memory.joined([memory.carried(space or alone[0].space) for memory in alone])


def _ranked(name: str, history: History) -> Ranking:
    """What a search has trained; an architecture whose training diverged is worse than any that has a score."""
    scores = history.scores
    known = [(trial.architecture, scores[trial.number]) for trial in history.trials if _tells(trial)]
    if all(score is None for _, score in known):
        raise UserError(f"{name} has no result to learn from; leave it out")
    sign = 1.0 if history.direction == "maximize" else -1.0
    return Ranking.of([one for one, _ in known], [np.nan if score is None else sign * score for _, score in known])


def _tells(trial: Trial) -> bool:
    return trial.score is not None or (trial.outcome is not None and trial.outcome.failure == "diverged")
