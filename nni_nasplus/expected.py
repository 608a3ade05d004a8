"""What random search would have reached."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nni_nasplus.strategy import Direction

__all__ = ["expected_best"]


def expected_best(scores: Sequence[float], trials: int, direction: Direction) -> float | None:
    """The expected best score of ``trials`` random trials, from the scores of some; None without any.

    The expectation of the best of n draws with replacement from the empirical distribution (Dodge et al., 2019,
    *Show Your Work*, Eq. 8): Σᵢ x₍ᵢ₎ ((i/m)ⁿ − ((i−1)/m)ⁿ) over the m scores from worst to best.
    """
    if not len(scores):
        return None
    ranked = np.sort(scores) if direction == "maximize" else -np.sort(-np.asarray(scores))
    chances = np.diff((np.arange(len(ranked) + 1) / len(ranked)) ** trials)
    return float(ranked @ chances)
