"""Greedy selection on resamples of the examples, and the mean of what each selects.

Bagged ensemble selection with a pruned library (Caruana, Niculescu-Mizil, Crew & Ksikes, ICML 2004, section 2.3;
Caruana, Munson & Niculescu-Mizil, ICDM 2006): one greedy selection fits the examples that it is scored by, the more the
fewer they are and the more candidates there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.ensembles.greedy import Probabilities, Score, greedy_ensemble
from nni_nasplus.ensembles.resample import resample

__all__ = ["bagged_ensemble"]

Labels = NDArray[Any]
LabelledScore = Callable[[Probabilities, Labels], float]

BAGS = 10
"""Resamples."""
ROUNDS = 10
"""Additions on each of them: weights are multiples of a hundredth."""
LIBRARY = 20
"""Candidates, the best by themselves: the others hardly ever help, and each costs as long."""
MOST = 5000
"""Examples of a resample: more would take minutes, and say no more."""


def bagged_ensemble(
    candidates: Sequence[Probabilities],
    labels: Labels,
    score: LabelledScore,
    rng: np.random.Generator,
    *,
    members: int,
) -> dict[int, float]:
    """Select greedily on ten resamples; the members with the largest mean weights are the ensemble.

    Parameters
    ----------
    candidates
        The probabilities [N, C] that each gives N validation examples.
    labels
        Of these examples, [N] or, of several labels each, [N, C].
    score
        Of probabilities [n, C] and the labels of their examples; higher is better.
    rng
        Draws the examples.
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
    alone = [score(one, labels) for one in candidates]
    library = sorted(range(len(candidates)), key=lambda i: -alone[i])[:LIBRARY]
    weights: dict[int, float] = defaultdict(float)
    for _ in range(BAGS if len(library) > 1 else 1):
        rows = resample(labels, rng, MOST)
        drawn = [candidates[i][rows] for i in library]
        found = greedy_ensemble(drawn, _scoring(score, labels[rows]), rounds=ROUNDS, members=members)
        for i, weight in found.items():
            weights[library[i]] += weight
    kept = sorted(weights.items(), key=lambda pair: -pair[1])[:members]
    total = sum(weight for _, weight in kept)
    return {i: weight / total for i, weight in kept}


def _scoring(score: LabelledScore, labels: Labels) -> Score:
    return lambda means: score(means, labels)
