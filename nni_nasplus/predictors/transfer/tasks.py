"""A model for each earlier search: what it would have said of any architecture."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from scipy.special import ndtri

from nni_nasplus.predictors.base import Predictor
from nni_nasplus.predictors.memo import Memo
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["EarlierTasks", "tasks_of"]

# An opinion is a number a task, and to ask forests again of 500 results takes longer than all the rest of a proposal:
# what twenty proposals ask about fits in.
_REMEMBERED = 16_384


class EarlierTasks:
    """The tasks of a memory, each as a random forest on its results.

    Results are taken as the normal quantiles of their ranks, so that all tasks speak of the same scale (Salinas et al.,
    *A Quantile-based Approach for Hyperparameter Transfer Learning*, 2020).

    Parameters
    ----------
    memory
        What the models learn from; of more than 500 architectures of a task the better half and the worst ones
        (:class:`~nni_nasplus.predictors.Predictor`).
    """

    def __init__(self, memory: Memory) -> None:
        self.names = list(memory.tasks)
        self.space = memory.space
        self._models = [_model(memory.space, ranking) for ranking in memory.tasks.values()]
        self._trained = [_trained(memory.space, r, m) for r, m in zip(memory.tasks.values(), self._models, strict=True)]
        self._opinions = Memo(self._predicted, most=_REMEMBERED)

    def __len__(self) -> int:
        return len(self.names)

    def predict(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """What each task expects, higher for better, in standard deviations of its results; float [tasks, n]."""
        return self._opinions(architectures).reshape(-1, len(self)).T

    def combined(self, signs: Sequence[int], architectures: Sequence[Architecture]) -> np.ndarray:
        """The sum of what the tasks expect, each with its sign: a prior; float [n]."""
        total: np.ndarray = np.asarray(signs) @ self.predict(architectures)
        return total

    def _predicted(self, architectures: Sequence[Architecture]) -> np.ndarray:
        return np.column_stack([model.predict(architectures)[0] for model in self._models])

    def known(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """What each task reached where it trained an architecture, and expects where it did not; float [tasks, n]."""
        keys = [self.space.key(one) for one in architectures]
        found = self.predict(architectures).copy()
        for row, trained in zip(found, self._trained, strict=True):
            row[:] = [trained.get(key, value) for key, value in zip(keys, row, strict=True)]
        return found


def _model(space: SearchSpace, ranking: Ranking) -> Predictor:
    # Who remembers nothing does not wait for it.
    from nni_nasplus.predictors.trees.random_forest import RandomForest

    model = RandomForest(space)
    model.fit(ranking.architectures, _quantiles(ranking))
    return model


def _quantiles(ranking: Ranking) -> np.ndarray:
    """Normal quantiles of ranks, the greatest for the best; float [architectures]."""
    quantiles: np.ndarray = -ndtri((ranking.ranks - 0.5) / len(ranking))
    return quantiles


def _trained(space: SearchSpace, ranking: Ranking, model: Predictor) -> dict[str, float]:
    return dict(zip(map(space.key, ranking.architectures), model.warp(_quantiles(ranking)).tolist(), strict=True))


_TASKS: WeakKeyDictionary[Memory, EarlierTasks] = WeakKeyDictionary()
"""By memory: its models are fitted once."""


def tasks_of(memory: Memory) -> EarlierTasks:
    """The models of a memory, kept or new."""
    if memory not in _TASKS:
        _TASKS[memory] = EarlierTasks(memory)
    return _TASKS[memory]
