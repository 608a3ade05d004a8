"""NSGA-II: evolution of a Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.predictors.transfer.portfolio import first_remembered
from nni_nasplus.search.history import History
from nni_nasplus.search.pareto import crowded_order
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Proposal

__all__ = ["NSGA2"]

# Parents that are alike have few children that are new; after twenty a random architecture is worth more.
_ATTEMPTS = 20
# What earlier searches have found takes the place of that many of the random population, at most.
_REMEMBERED = 4


@dataclass(frozen=True)
class NSGA2(Strategy):
    """NSGA-II (Deb et al., *A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II*, 2002), one child at a time.

    The population is the best of everything that was trained under the crowded-comparison operator: fronts in their
    order, and within a front what is least crowded first. Both parents win a binary tournament by it. Their child has
    each decision of one or the other, drawn; then each decision is mutated with probability 1/n.

    In the paper a generation of N children joins its parents before the best N are kept. Here each child joins as soon
    as it is trained, so that any number of workers can be kept busy; a failed one never does. An architecture is never
    trained twice. With the score alone it is an elitist genetic algorithm. What earlier searches found, where there
    were any, is in the initial population.

    Parameters
    ----------
    population_size
        N, at least 2; so many are drawn at random at first. The paper has 100, for budgets of 25,000.

    Raises
    ------
    UserError
        If N is less than 2.
    """

    population_size: int = 20

    def __post_init__(self) -> None:
        if self.population_size < 2:
            raise UserError(f"population_size is {self.population_size}; use 2 or more")

    @property
    def most_costs(self) -> float:
        """Any number."""
        return math.inf

    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """A random architecture while the population fills, then a child of two of its best."""
        population = self.population(history)
        if not population or len(history.succeeded) + len(history.pending) < self.population_size:
            return first_remembered(history, _REMEMBERED) or history.random(rng)
        for _ in range(_ATTEMPTS):
            child = _mutated(history.space, history.space.crossed(*_parents(population, rng), rng), rng)
            if history.is_new(child):
                return Proposal(child, "crossover")
        return history.random(rng)

    def population(self, history: History) -> list[Architecture]:
        """The best N, in the order of the crowded-comparison operator."""
        done = history.succeeded
        return [done[place].architecture for place in crowded_order(history.points(), self.population_size)]


def _parents(population: Sequence[Architecture], rng: np.random.Generator) -> tuple[Architecture, Architecture]:
    """The winners of two binary tournaments; the population is in order, so that the lower place wins."""
    first, second = rng.integers(len(population), size=(2, 2)).min(axis=1)
    return population[first], population[second]


def _mutated(space: SearchSpace, child: Architecture, rng: np.random.Generator) -> Architecture:
    """As many decisions changed as there are when each of n is with probability 1/n."""
    if all(len(space.decisions[name]) == 1 for name in child):
        return child
    for _ in range(rng.binomial(len(child), 1 / len(child))):
        child = space.mutate(child, rng)
    return child
