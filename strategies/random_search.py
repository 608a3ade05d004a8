"""Random search: the baseline that stands beside every result."""

from __future__ import annotations

import numpy as np

from nni_nasplus.search.strategy import Proposal, Strategy

__all__ = ["RandomSearch"]


class RandomSearch(Strategy):
    """Propose unseen architectures, each active decision uniform."""

    learns = False

    def _propose(self, rng: np.random.Generator) -> Proposal:
        return self._random(rng)
