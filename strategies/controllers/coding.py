"""Policies over the architectures of a space, and architectures as codes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["INACTIVE", "Policy"]

INACTIVE = -1
"""In a code, the place of a decision that the others leave out."""


class Policy(ABC):
    """π(a) of the architectures of a space, with parameters that gradients move.

    Conditions of the space hold by themselves: a decision is drawn only where its parents make it active, so that the
    probabilities of all architectures of a space without other rules add up to 1.

    A code is an architecture as places of its choices, int16 [D] in the order of the D decisions, :data:`INACTIVE` for
    those left out.

    Parameters
    ----------
    space
        What it proposes from.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._names, self._choices = list(space.decisions), list(space.decisions.values())
        self._places = [{choice: i for i, choice in enumerate(choices)} for choices in self._choices]
        self._sizes = np.array([len(choices) for choices in self._choices])
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]]).astype(int)
        self._owner = np.repeat(np.arange(len(self._sizes)), self._sizes)
        self._within = np.arange(len(self._owner)) - self._starts[self._owner]
        self._conditions = list(self._conditions_of(space))

    @abstractmethod
    def sample(self, rng: np.random.Generator, count: int, temperature: float = 1.0) -> np.ndarray:
        """Codes of independent draws; int16 [count, D].

        Parameters
        ----------
        temperature
            Logits are divided by it: the higher, the nearer to uniform.
        """

    @abstractmethod
    def log_probability(self, codes: np.ndarray) -> np.ndarray:
        """log π of each architecture; float [N] of codes [N, D]."""

    @abstractmethod
    def gradient(self, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Σ weight · ∂log π / ∂parameters; float, of as many as there are."""

    @abstractmethod
    def move(self, step: np.ndarray) -> None:
        """Add a step to the parameters."""

    def log_preference(self, codes: np.ndarray) -> np.ndarray:
        """The log of π divided by what is uniform by decision; float [N] of codes [N, D]."""
        uniform: np.ndarray = -np.log(self._sizes)
        return self.log_probability(codes) - (codes != INACTIVE) @ uniform

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

    def _conditions_of(self, space: SearchSpace) -> Iterator[tuple[int, int, np.ndarray]]:
        """Decision, parent, and whether each of the parent's places makes it active; the last one, −1, does not."""
        for name, parents in space.conditions.items():
            for parent, allowed in parents.items():
                place = self._names.index(parent)
                active = [choice in allowed for choice in self._choices[place]]
                yield self._names.index(name), place, np.array([*active, False])

    def _leave_out(self, codes: np.ndarray, decision: int) -> None:
        """Take a decision back where those before leave it out, in codes whose earlier decisions are settled."""
        for child, parent, active in self._conditions:
            if child == decision:
                codes[~active[codes[:, parent]], decision] = INACTIVE
