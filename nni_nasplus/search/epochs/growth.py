"""How much more training brings, so that what was trained for few epochs can stand beside what was for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

__all__ = ["growth"]


def growth(curves: Sequence[Mapping[int, float]], rungs: Sequence[int]) -> dict[float, float]:
    """How much scores still change from each rung to the last one.

    Between two neighbouring rungs it is the median over the curves that have both, which an explosion does not move; 0
    where there is none. Only what went on has both: what was left behind is taken to grow as that did.

    Parameters
    ----------
    curves
        Scores by the number of epochs.
    rungs
        Numbers of epochs, ascending.

    Returns
    -------
    The change by rung.
    """
    found: dict[float, float] = dict.fromkeys(rungs, 0.0)
    for lower, upper in reversed(list(pairwise(rungs))):
        gains = [curve[upper] - curve[lower] for curve in curves if lower in curve and upper in curve]
        found[lower] = found[upper] + (median(gains) if gains else 0.0)
    return found
