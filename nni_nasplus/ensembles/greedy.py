"""Greedy selection of an ensemble, with replacement (Caruana et al., ICML 2004)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["greedy_ensemble"]

Probabilities = NDArray[np.float64]
Score = Callable[[Probabilities], float]


def greedy_ensemble(
    candidates: Sequence[Probabilities], score: Score, *, rounds: int, members: int
) -> dict[int, float]:
    """Add the candidate that makes the mean best, again and again; the best of all these means is the ensemble.

    A candidate that is added more often weighs more. The first is the best by itself, so no ensemble scores worse on
    these examples than any one candidate.

    Parameters
    ----------
    candidates
        The probabilities [N, C] that each gives N validation examples.
    score
        Of probabilities [N, C] of these examples; higher is better.
    rounds
        How often one is added.
    members
        The most different candidates.

    Returns
    -------
    The weight of each member by its position, of sum 1, heaviest first.

    Raises
    ------
    ValueError
        If there is no candidate.
    """
    if not candidates:
        raise ValueError("an ensemble of nothing")
    added: list[int] = []
    total = np.zeros_like(candidates[0])
    best, kept = -np.inf, 0
    for size in range(1, rounds + 1):
        allowed = sorted(set(added)) if len(set(added)) == members else range(len(candidates))
        reached = {i: score((total + candidates[i]) / size) for i in allowed}
        chosen = max(reached, key=lambda i: reached[i])
        added.append(chosen)
        total = total + candidates[chosen]
        if reached[chosen] > best:
            best, kept = reached[chosen], size
    counts = {i: added[:kept].count(i) for i in dict.fromkeys(added[:kept])}
    return {i: count / kept for i, count in sorted(counts.items(), key=lambda item: -item[1])}
