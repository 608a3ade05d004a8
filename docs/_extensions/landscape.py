"""A made-up search space where every score is known at once, so that pictures can show what strategies do."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from nni_nasplus import Architecture, SearchSpace

SPACE = SearchSpace({f"layer {i}": ["attention", "convolution", "gru"] for i in range(6)})
"""Six decisions with three choices each: 729 architectures."""


@cache
def _effects() -> tuple[np.ndarray, np.ndarray]:
    """What choices add by themselves [6, 3], and each two of neighbouring decisions together [5, 3, 3]."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(6, 3)), 0.7 * rng.normal(size=(5, 3, 3))


def score(architecture: Architecture) -> float:
    """What an architecture reaches; higher is better."""
    alone, pairs = _effects()
    picks = [SPACE.decisions[name].index(choice) for name, choice in architecture.items()]
    together = sum(pairs[i, a, b] for i, (a, b) in enumerate(pairwise(picks)))
    return float(sum(alone[i, pick] for i, pick in enumerate(picks)) + together)


@cache
def best() -> float:
    """The highest score of all."""
    return max(score(architecture) for architecture in SPACE)
