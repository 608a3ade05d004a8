"""How much more an architecture is expected to dominate, in score and cost together, than what was trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from nni_nasplus.predictors.base import Predictor, Scale
from nni_nasplus.predictors.gaussian_process import GaussianProcess
from nni_nasplus.search.history import History
from nni_nasplus.search.pareto import non_dominated
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.strategies.candidates import Value

__all__ = ["HypervolumeGrowth", "expected_hypervolume_improvement"]


class HypervolumeGrowth:
    """What candidates are expected to add to the area that the front of a history dominates.

    The score is a predictor's matter; the logarithm of the cost a Gaussian process learns, independent of it.

    Parameters
    ----------
    space
        Of the architectures.
    exploration
        Multiplies the deviations, as in expected improvement.
    """

    def __init__(self, space: SearchSpace, exploration: float) -> None:
        self._exploration = exploration
        self._frugality = GaussianProcess(space)
        self._frugality.scale_of = _by_logarithms

    def value(self, predictor: Predictor, history: History, best: Sequence[Architecture]) -> Value:
        """The growth by each candidate, in the units of both predictors.

        What is in training counts as trained, with what is expected of it. The worst that was trained in either
        objective is the reference.

        Parameters
        ----------
        predictor
            Has learned the scores of the history.
        history
            With one cost.
        best
            Architectures of which the front is made by what is expected of them, so that luck makes none.
        """
        utilities, frugalities = history.points().T
        self._frugality.fit([one.architecture for one in history.succeeded], frugalities)
        reference = [predictor.warp(utilities.min()), *self._frugality.targets([], frugalities.min(keepdims=True))]
        both = [predictor, self._frugality]
        if history.pending:
            both = [one.believe(history.pending) for one in both]
        points = _predicted(both, [*best, *history.pending])[0]

        def growth(new: Sequence[Architecture]) -> np.ndarray:
            mean, std = _predicted(both, new)
            return expected_hypervolume_improvement(mean, self._exploration * std, points, np.array(reference))

        return growth


def _predicted(both: Sequence[Predictor], architectures: Sequence[Architecture]) -> np.ndarray:
    """Means and deviations of score and cost; float [2, architectures, 2]."""
    return np.stack([np.stack(one.predict(architectures)) for one in both], axis=-1)


def _by_logarithms(architectures: Sequence[Architecture], utilities: np.ndarray) -> Scale:
    """Costs with their sign turned, by their logarithms; none counts as the least that is above 0."""
    costs = -utilities
    floor = costs[costs > 0].min(initial=np.inf)
    floor = floor if np.isfinite(floor) else 1.0
    known = np.log(np.maximum(costs, floor))
    mean, deviation = known.mean(), known.std() or 1.0
    return lambda _, reached: (mean - np.log(np.maximum(-reached, floor))) / deviation


def expected_hypervolume_improvement(
    mean: np.ndarray, std: np.ndarray, points: np.ndarray, reference: np.ndarray
) -> np.ndarray:
    """The expected growth of the dominated area by each of some candidates (Emmerich et al., 2011), exactly.

    The front cuts the plane into strips, in each of which it has one height. What an independent normal point adds to
    a strip is the width that it covers times what it rises above the front there; both have a closed form, ψ, that of
    expected improvement (Yang et al., *Efficient Computation of Expected Hypervolume Improvement*, 2019).

    Parameters
    ----------
    mean, std
        Of each candidate in both objectives, higher for better; float [candidates, 2], the deviations above 0.
    points
        What was reached; float [points, 2], one at least.
    reference
        What lies below it dominates nothing; float [2].

    Returns
    -------
    np.ndarray
        At least 0; float [candidates].
    """
    front = np.maximum(points[non_dominated(points)], reference)
    front = front[np.argsort(front[:, 0])]
    starts = np.concatenate([reference[:1], front[:, 0]])
    heights = np.concatenate([front[:, 1], reference[1:]])
    beyond = _improvement(mean[:, :1], std[:, :1], starts)
    widths = beyond - np.column_stack([beyond[:, 1:], np.zeros(len(mean))])
    rises = _improvement(mean[:, 1:], std[:, 1:], heights)
    growth: np.ndarray = (widths * rises).sum(axis=1)
    return growth


def _improvement(mean: np.ndarray, std: np.ndarray, level: np.ndarray) -> np.ndarray:
    """ψ: what a normal variable is expected to exceed each level by; float [candidates, levels]."""
    gain = mean - level
    density = np.exp(-0.5 * (gain / std) ** 2) / np.sqrt(2 * np.pi)
    return gain * ndtr(gain / std) + std * density
