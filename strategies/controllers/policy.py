"""A policy over the architectures of a space: an independent softmax for each decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["INACTIVE", "SoftmaxPolicy"]

INACTIVE = -1
"""In a code, the place of a decision that the others leave out."""


class SoftmaxPolicy:
    """π(a) = the product, over the active decisions of a, of the softmax of the logits of their choices.

    Conditions of the space hold by themselves: a decision is drawn only where its parents make it active, so that the
    probabilities of all architectures of a space without other rules add up to 1.

    A code is an architecture as places of its choices, int16 [D] in the order of the D decisions, :data:`INACTIVE` for
    those left out.

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
        self._names, self._choices = list(space.decisions), list(space.decisions.values())
        self._places = [{choice: i for i, choice in enumerate(choices)} for choices in self._choices]
        sizes = np.array([len(choices) for choices in self._choices])
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int)
        self._owner = np.repeat(np.arange(len(sizes)), sizes)
        self._within = np.arange(len(self._owner)) - self._starts[self._owner]
        self._uniform = -np.log(sizes)
        self._conditions = list(self._conditions_of(space))
        self.logits = np.zeros(len(self._owner))

    def _conditions_of(self, space: SearchSpace) -> Iterator[tuple[int, int, np.ndarray]]:
        """Decision, parent, and whether each of the parent's places makes it active; the last one, −1, does not."""
        for name, parents in space.conditions.items():
            for parent, allowed in parents.items():
                place = self._names.index(parent)
                active = [choice in allowed for choice in self._choices[place]]
                yield self._names.index(name), place, np.array([*active, False])

    def log_shares(self, temperature: float = 1.0) -> np.ndarray:
        """The log of the probability of each choice, where its decision is active; float [W]."""
        scaled = self.logits / temperature
        scaled = scaled - np.maximum.reduceat(scaled, self._starts)[self._owner]
        return scaled - np.log(np.add.reduceat(np.exp(scaled), self._starts))[self._owner]

    def sample(self, rng: np.random.Generator, count: int, temperature: float = 1.0) -> np.ndarray:
        """Codes of independent draws; int16 [count, D].

        Parameters
        ----------
        temperature
            Logits are divided by it: the higher, the nearer to uniform.
        """
        below = np.full((len(self._names), self._within.max() + 1), np.inf)
        shares = np.exp(self.log_shares(temperature))
        below[self._owner, self._within] = np.cumsum(shares) - np.arange(len(self._names))[self._owner]
        below[np.arange(len(self._names)), np.diff([*self._starts, len(self._owner)]) - 1] = np.inf
        codes = (rng.random((count, len(self._names), 1)) >= below).sum(-1).astype(np.int16)
        for decision, parent, active in self._conditions:  # parents come before their children
            codes[~active[codes[:, parent]], decision] = INACTIVE
        return codes

    def log_probability(self, codes: np.ndarray) -> np.ndarray:
        """log π of each architecture; float [N] of codes [N, D]."""
        return self._total(codes, self.log_shares())

    def log_preference(self, codes: np.ndarray) -> np.ndarray:
        """The log of π divided by what it was at first; float [N] of codes [N, D]."""
        return self._total(codes, self.log_shares() - self._uniform[self._owner])

    def gradient(self, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Σ weight · ∂log π / ∂logits, which is Σ weight · (one-hot − softmax) over active decisions; float [W]."""
        flat, active = self._flat(codes)
        chosen = np.bincount(flat.ravel(), np.repeat(weights, flat.shape[1]), minlength=len(self.logits) + 1)[:-1]
        return chosen - np.exp(self.log_shares()) * (weights @ active)[self._owner]

    def encode(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """The codes of architectures in canonical form; int16 [N, D]."""
        codes = np.full((len(architectures), len(self._names)), INACTIVE, dtype=np.int16)
        for code, architecture in zip(codes, architectures, strict=True):
            for decision, name in enumerate(self._names):
                if name in architecture:
                    code[decision] = self._places[decision][architecture[name]]
        return codes

    def decode(self, code: np.ndarray) -> Architecture:
        """The architecture of a code; int16 [D]."""
        known = zip(self._names, self._choices, code.tolist(), strict=True)
        return {name: choices[place] for name, choices, place in known if place != INACTIVE}

    def _total(self, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The sum of what is known of each choice, over active decisions; float [N]."""
        flat, _ = self._flat(codes)
        total: np.ndarray = np.append(values, 0.0)[flat].sum(-1)
        return total

    def _flat(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the chosen logits, W where inactive, int [N, D]; and what is active, bool [N, D]."""
        active = codes != INACTIVE
        return np.where(active, codes + self._starts, len(self.logits)), active
