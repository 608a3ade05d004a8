"""Medians of evaluations to a target with bootstrap intervals; a search that never got there counts as infinite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb
from typing import NamedTuple

import numpy as np

__all__ = ["Estimate", "estimate_mean", "estimate_median", "estimate_ratio", "median", "random_median"]

RESAMPLES = 2000
_LEVEL = 0.95


class Estimate(NamedTuple):
    """A value and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def median(values: np.ndarray) -> np.ndarray:
    """The lower median over the last axis: of an even number the smaller of the middle two, so infinity is safe."""
    ordered = np.sort(values, axis=-1)
    return ordered[..., (ordered.shape[-1] - 1) // 2]


def estimate_median(values: Sequence[float] | np.ndarray) -> Estimate:
    """The median over seeds, and its interval under resampling of the seeds."""
    return _bootstrap(median, np.asarray(values, dtype=float))


def estimate_mean(values: Sequence[float] | np.ndarray) -> Estimate:
    """The mean over seeds, and its interval under resampling of the seeds."""
    return _bootstrap(lambda drawn: drawn.mean(-1), np.asarray(values, dtype=float))


def estimate_ratio(ours: Sequence[float] | np.ndarray, theirs: Sequence[float] | np.ndarray) -> Estimate:
    """How many times fewer evaluations ``ours`` needs: their median over ours, seeds resampled in pairs.

    Infinite where only they fail, 0 where only we do, 1 where both do.
    """
    return _bootstrap(_ratio, np.stack([np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)]))


def random_median(rows: int, top: int) -> int:
    """The exact median of evaluations until random search without repetition finds one of the ``top`` of ``rows``."""
    tried = 1
    while 2 * comb(rows - top, tried) > comb(rows, tried):
        tried += 1
    return tried


def _ratio(pairs: np.ndarray) -> np.ndarray:
    ours, theirs = median(pairs[0]), median(pairs[1])
    with np.errstate(invalid="ignore"):
        ratio = theirs / ours
    return np.where(np.isinf(ours) & np.isinf(theirs), 1.0, ratio)


def _bootstrap(statistic: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> Estimate:
    """The statistic over the last axis, which is resampled with replacement."""
    count = values.shape[-1]
    draws = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
    ordered = np.sort(statistic(values[..., draws]))
    tail = int((1 - _LEVEL) / 2 * RESAMPLES)
    return Estimate(float(statistic(values)), float(ordered[tail]), float(ordered[-1 - tail]))
