"""The order of NSGA-II (Deb et al., 2002): by fronts, and within a front by how alone a point is."""

from __future__ import annotations

import numpy as np

__all__ = ["crowding", "fronts", "order"]


def order(costs: np.ndarray) -> list[int]:
    """The numbers of points, the first to be chosen first: crowded-comparison order of the paper.

    Parameters
    ----------
    costs
        Lower for better; float [N, objectives].
    """
    found: list[int] = []
    for front in fronts(costs):
        alone = crowding(costs[front])
        found += [int(front[i]) for i in np.argsort(-alone, kind="stable")]
    return found


def fronts(costs: np.ndarray) -> list[np.ndarray]:
    """The numbers of points that nothing dominates, then of those that nothing else dominates, and so on."""
    not_worse = (costs[:, None] <= costs[None]).all(-1)
    dominates: np.ndarray = np.logical_and(not_worse, (costs[:, None] < costs[None]).any(-1))
    left, found = np.ones(len(costs), dtype=bool), []
    while left.any():
        front = np.flatnonzero(left & ~dominates[left].any(0))
        found.append(front)
        left[front] = False
    return found


def crowding(costs: np.ndarray) -> np.ndarray:
    """The distance between the neighbours of each point, as a share of all, added up; infinite at the ends; [N]."""
    found = np.zeros(len(costs))
    for values in costs.T:
        along = np.argsort(values, kind="stable")
        spread = values[along[-1]] - values[along[0]]
        found[along[[0, -1]]] = np.inf
        if spread > 0:
            found[along[1:-1]] += (values[along[2:]] - values[along[:-2]]) / spread
    return found
