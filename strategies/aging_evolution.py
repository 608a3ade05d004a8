"""Aging evolution, also called regularised evolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.predictors.transfer.portfolio import first_remembered
from nni_nasplus.search.history import History
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Observation, Proposal

__all__ = ["AgingEvolution"]

_ATTEMPTS = 20
"""Mutants tried before the neighbours are listed: listing costs as much as some twenty mutations in small spaces."""

_REMEMBERED = 4
"""What earlier searches have found takes the place of that many of the random population, at most."""


@dataclass(frozen=True)
class AgingEvolution(Strategy):
    """Aging evolution (Real et al., *Regularized Evolution for Image Classifier Architecture Search*, Algorithm 1).

    The population is the latest ``population_size`` successes, in order of finishing: a success enters on the
    right and the oldest dies. The parent is the best of ``sample_size`` members drawn without replacement; the
    child differs from it in one decision. Running and finished trials count alike towards the initial random
    population, and a failed one is replaced, so any number of workers can be kept busy. An architecture is
    never trained twice: where a parent has no new child, mutation walks on from its children.

    What earlier searches found, where there were any, is in the initial population.

    The answer of the search is the best of the whole history, not of the population.

    Parameters
    ----------
    population_size
        P; 10 as in the NAS-Bench-201 experiments. The AmoebaNet search had 100.
    sample_size
        S ≤ P; 3 as in the NAS-Bench-201 experiments. The AmoebaNet search had 25.

    Raises
    ------
    UserError
        If S is not between 1 and P.
    """

    population_size: int = 10
    sample_size: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.sample_size <= self.population_size:
            raise UserError(
                f"sample_size is {self.sample_size} and population_size {self.population_size}; "
                "choose 1 <= sample_size <= population_size"
            )

    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """A random architecture while the population fills, then a child of one of its best."""
        population = self.population(history)
        if not population or len(history.succeeded) + len(history.pending) < self.population_size:
            return first_remembered(history, _REMEMBERED) or history.random(rng)
        parent = self._parent(population, rng)
        return _child(history, parent.architecture, rng) or history.random(rng)

    def population(self, history: History) -> list[Observation]:
        """The living, the oldest first; at most ``population_size``."""
        return history.succeeded[-self.population_size :]

    def _parent(self, population: list[Observation], rng: np.random.Generator) -> Observation:
        size = min(self.sample_size, len(population))
        drawn = rng.choice(len(population), size=size, replace=False)
        return max((population[i] for i in sorted(drawn)), key=_utility)


def _child(history: History, parent: Architecture, rng: np.random.Generator) -> Proposal | None:
    """An unseen mutant of the parent, or the first unseen one of a random walk that starts at it."""
    space = history.space
    for _ in range(_ATTEMPTS):
        if history.is_new(mutant := space.mutate(parent, rng)):
            return Proposal(mutant, "mutation")
    if new := [neighbour for neighbour in space.neighbours(parent, rng) if history.is_new(neighbour)]:
        return Proposal(new[rng.integers(len(new))], "mutation")
    for _ in range(_ATTEMPTS):
        mutant = space.mutate(mutant, rng)
        if history.is_new(mutant):
            return Proposal(mutant, "mutation")
    return None


def _utility(observation: Observation) -> float:
    assert observation.utility is not None
    return observation.utility
