"""What random search would have reached."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.search.history import Direction

__all__ = ["chances_of_best", "expected_best"]


def chances_of_best(scores: Sequence[float], trials: int, direction: Direction) -> NDArray[np.float64]:
    """How likely each of some random trials' scores is the best of ``trials`` of them; float [scores].

    The best of n draws with replacement from the empirical distribution (Dodge et al., 2019, *Show Your Work*, Eq. 8):
    (i/m)ⁿ − ((i−1)/m)ⁿ for the i-th of the m scores from worst to best.
    """
    values = np.asarray(scores, dtype=float) * (1 if direction == "maximize" else -1)
    order = np.argsort(values, kind="stable")
    chances = np.empty(len(order))
    chances[order] = np.diff((np.arange(len(order) + 1) / len(order)) ** trials)
    return chances


def expected_best(scores: Sequence[float], trials: int, direction: Direction) -> float | None:
    """The expected best score of ``trials`` random trials, from the scores of some; None without any."""
    if not len(scores):
        return None
    return float(np.asarray(scores, dtype=float) @ chances_of_best(scores, trials, direction))
