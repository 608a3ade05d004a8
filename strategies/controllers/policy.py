"""A policy over the architectures of a space: an independent softmax for each decision."""

from __future__ import annotations

import numpy as np

from nni_nasplus.search.space import SearchSpace
from nni_nasplus.strategies.controllers.coding import INACTIVE, Policy

__all__ = ["SoftmaxPolicy"]


class SoftmaxPolicy(Policy):
    """π(a) = the product, over the active decisions of a, of the softmax of the logits of their choices.

    Parameters
    ----------
    space
        What it proposes from.

    Attributes
    ----------
    logits
        W in all, one for each choice of each decision; float [W]. At first all are 0, and the policy is uniform by
        decision, as :meth:`~nni_nasplus.search.space.SearchSpace.sample` of most spaces is.
    """

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        self.logits = np.zeros(len(self._owner))

    def move(self, step: np.ndarray) -> None:
        """Add a step to the logits."""
        self.logits += step

    def log_shares(self, temperature: float = 1.0) -> np.ndarray:
        """The log of the probability of each choice, where its decision is active; float [W]."""
        scaled = self.logits / temperature
        scaled = scaled - np.maximum.reduceat(scaled, self._starts)[self._owner]
        return scaled - np.log(np.add.reduceat(np.exp(scaled), self._starts))[self._owner]

    def sample(self, rng: np.random.Generator, count: int, temperature: float = 1.0) -> np.ndarray:
        """Codes of independent draws; int16 [count, D]."""
        below = np.full((len(self._names), self._within.max() + 1), np.inf)
        shares = np.exp(self.log_shares(temperature))
        below[self._owner, self._within] = np.cumsum(shares) - np.arange(len(self._names))[self._owner]
        below[np.arange(len(self._names)), np.diff([*self._starts, len(self._owner)]) - 1] = np.inf
        codes = (rng.random((count, len(self._names), 1)) >= below).sum(-1).astype(np.int16)
        for decision in range(len(self._names)):
            self._leave_out(codes, decision)
        return codes

    def log_probability(self, codes: np.ndarray) -> np.ndarray:
        """log π of each architecture; float [N] of codes [N, D]."""
        return self._total(codes, self.log_shares())

    def gradient(self, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Σ weight · ∂log π / ∂logits, which is Σ weight · (one-hot − softmax) over active decisions; float [W]."""
        flat, active = self._flat(codes)
        chosen = np.bincount(flat.ravel(), np.repeat(weights, flat.shape[1]), minlength=len(self.logits) + 1)[:-1]
        return chosen - np.exp(self.log_shares()) * (weights @ active)[self._owner]

    def _total(self, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The sum of what is known of each choice, over active decisions; float [N]."""
        flat, _ = self._flat(codes)
        total: np.ndarray = np.append(values, 0.0)[flat].sum(-1)
        return total

    def _flat(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the chosen logits, W where inactive, int [N, D]; and what is active, bool [N, D]."""
        active = codes != INACTIVE
        return np.where(active, codes + self._starts, len(self.logits)), active
