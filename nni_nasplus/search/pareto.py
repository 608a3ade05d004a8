"""What is best where there is more than one objective: Pareto fronts, and how much they dominate.

In all of it points are float [points, objectives], and higher is better.
"""

from __future__ import annotations

import numpy as np

__all__ = ["crowded_order", "crowding_distances", "hypervolume", "non_dominated"]


def non_dominated(points: np.ndarray) -> np.ndarray:
    """Whether no other point is at least as good in every objective and better in one; bool [points]."""
    left = np.ones(len(points), dtype=bool)
    for place, point in enumerate(points):
        if left[place]:
            left[left] = (points[left] > point).any(axis=1) | (points[left] == point).all(axis=1)
    return left


def crowding_distances(points: np.ndarray) -> np.ndarray:
    """How far the neighbours of each point of a front are apart, infinite at its ends; float [points].

    Crowding-distance-assignment of Deb et al., *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II*, 2002:
    over the objectives, the sum of the distances between the next worse and the next better point, in parts of the
    range.
    """
    distances = np.zeros(len(points))
    for values in points.T:
        order = np.argsort(values, kind="stable")
        lowest, highest = values[order[0]], values[order[-1]]
        distances[order[[0, -1]]] = np.inf
        if highest > lowest:
            distances[order[1:-1]] += (values[order[2:]] - values[order[:-2]]) / (highest - lowest)
    return distances


def crowded_order(points: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` best points, by the crowded-comparison operator of NSGA-II; int [≤ count].

    The front is first, then the front of what is left, and so on; within each, those that are alone.
    """
    chosen: list[int] = []
    left = np.arange(len(points))
    while len(left) and len(chosen) < count:
        best = non_dominated(points[left])
        front = left[best]
        chosen += front[np.argsort(-crowding_distances(points[front]), kind="stable")].tolist()
        left = left[~best]
    return np.array(chosen[:count], dtype=int)


def hypervolume(points: np.ndarray, reference: np.ndarray) -> float:
    """The area that points of two objectives dominate above a reference point; float [points, 2] and [2]."""
    front = points[non_dominated(points) & (points > reference).all(axis=1)]
    front = front[np.argsort(front[:, 0])]
    widths = np.diff(front[:, 0], prepend=reference[0])
    return float(widths @ (front[:, 1] - reference[1]))
