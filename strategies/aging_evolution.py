"""Aging evolution, also called regularised evolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Direction, Feasible, Observation, Proposal, Strategy

__all__ = ["AgingEvolution"]

_ATTEMPTS = 20


class AgingEvolution(Strategy):
    """Aging evolution (Real et al., *Regularized Evolution for Image Classifier Architecture Search*, Algorithm 1).

    The population is the latest ``population_size`` successes, in order of finishing: a success enters on the
    right and the oldest dies. The parent is the best of ``sample_size`` members drawn without replacement; the
    child differs from it in one decision. Running and finished trials count alike towards the initial random
    population, and a failed one is replaced, so any number of workers can be kept busy. An architecture is
    never trained twice: where a parent has no new child, mutation walks on from its children.

    The answer of the search is the best of the whole history, not of the population.

    Parameters
    ----------
    population_size
        P; 10 as in the NAS-Bench-201 experiments. The AmoebaNet search had 100.
    sample_size
        S ≤ P; 3 as in the NAS-Bench-201 experiments. The AmoebaNet search had 25.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        direction: Direction = "maximize",
        feasible: Feasible | None = None,
        starts: Sequence[Mapping[str, Any]] | None = None,
        population_size: int = 10,
        sample_size: int = 3,
    ) -> None:
        super().__init__(space, seed=seed, direction=direction, feasible=feasible, starts=starts)
        if not 1 <= sample_size <= population_size:
            raise UserError(
                f"sample_size is {sample_size} and population_size {population_size}; "
                "choose 1 <= sample_size <= population_size"
            )
        self.population_size = population_size
        self.sample_size = sample_size

    @property
    def population(self) -> list[Observation]:
        """The living, oldest first; at most ``population_size``."""
        return self.succeeded[-self.population_size :]

    def _propose(self, rng: np.random.Generator) -> Proposal:
        population = self.population
        if not population or len(self.succeeded) + len(self.pending) < self.population_size:
            return self._random(rng)
        return self._child(self._parent(population, rng).architecture, rng) or self._random(rng)

    def _child(self, parent: Architecture, rng: np.random.Generator) -> Proposal | None:
        """An unseen mutant of the parent, or the first unseen one of a random walk that starts at it."""
        for _ in range(_ATTEMPTS):
            if self.admits(mutant := self.space.mutate(parent, rng)):
                return Proposal(mutant, "mutation")
        if new := [n for n in self.space.neighbours(parent, rng) if self.admits(n)]:
            return Proposal(new[rng.integers(len(new))], "mutation")
        for _ in range(_ATTEMPTS):
            mutant = self.space.mutate(mutant, rng)
            if self.admits(mutant):
                return Proposal(mutant, "mutation")
        return None

    def _parent(self, population: list[Observation], rng: np.random.Generator) -> Observation:
        size = min(self.sample_size, len(population))
        drawn = rng.choice(len(population), size=size, replace=False)
        return max((population[i] for i in sorted(drawn)), key=_utility)


def _utility(observation: Observation) -> float:
    assert observation.utility is not None
    return observation.utility
