"""A space, a landscape over it and a way along it."""

from __future__ import annotations

import numpy as np

from nni_nasplus import SearchSpace

GRID = SearchSpace({f"d{i}": list(range(4)) for i in range(6)})
STARTS = [GRID.sample(np.random.default_rng(i)) for i in range(3)]


def score(architecture):
    """A smooth landscape over GRID with its best at all threes."""
    return float(sum(architecture.values()))


def trained(search, count):
    """The architectures of so many trials, one after the other."""
    out = []
    for _ in range(count):
        trial = search.ask()
        search.tell(trial, score(trial.architecture))
        out.append(trial.architecture)
    return out


class Begun(SearchSpace):
    """A space that has something to start from."""

    initial = STARTS
