"""Distinct random architectures of a space, as a function of a seed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nni_nasplus.search.history import History, SearchSpaceExhausted
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["random_architectures"]


def random_architectures(space: SearchSpace, seed: int) -> Iterator[Architecture]:
    """Yield canonical architectures, each once, until the space is used up: those that random search proposes."""
    history = History(space)
    while True:
        try:
            history.require_room()
            proposal = history.random(np.random.default_rng([seed, history.asked]))
        except SearchSpaceExhausted:
            return
        yield history.ask(proposal).architecture
