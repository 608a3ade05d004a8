"""A space, a landscape over it and a way along it."""

from __future__ import annotations

import numpy as np

from nni_nasplus import SearchSpace

GRID = SearchSpace({f"d{i}": list(range(4)) for i in range(6)})
STARTS = [GRID.sample(np.random.default_rng(i)) for i in range(3)]


def score(architecture):
    """A smooth landscape over GRID with its best at all threes."""
    return float(sum(architecture.values()))


def proposals(strategy, count):
    out = []
    for _ in range(count):
        architecture = strategy.ask()
        strategy.tell(architecture, score(architecture))
        out.append(architecture)
    return out


class Begun(SearchSpace):
    """A space that has something to start from."""

    starts = STARTS
