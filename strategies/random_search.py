"""Random search: the baseline that stands beside every result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nni_nasplus.search.history import History
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Proposal

__all__ = ["RandomSearch"]


@dataclass(frozen=True)
class RandomSearch(Strategy):
    """Propose unseen architectures, each active decision uniform."""

    learns: ClassVar[bool] = False

    @property
    def most_costs(self) -> float:
        """Any number: it is the baseline there too."""
        return math.inf

    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """A random architecture."""
        return history.random(rng)
