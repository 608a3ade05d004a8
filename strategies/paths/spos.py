"""SPOS: single path one-shot with uniform sampling (Guo et al., arXiv 1904.00420)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.one_shot.options import WeightOptions
from nni_nasplus.one_shot.paths import Genes, Paths, drawn_genes
from nni_nasplus.search.space import Architecture

__all__ = ["SPOS"]

Scored = list[tuple[float, Architecture, Genes]]


class SPOS(Paths):
    """Train a new uniform path with every batch; then evolution of paths, by the loss that they inherit.

    Each round scores half mutants and half crossovers of the best ever found; those that exceed a limit are drawn again
    before they are scored, and none is scored twice. Batch norms are estimated anew for each path (section 3.4). In the
    authors' code paths of training are drawn by their operations, not uniformly, and the paths of the last round are
    scored and not ranked: neither is so here.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(WeightOptions):
        """Those of SPOS.

        Parameters
        ----------
        rounds
            Of evolution, the random one at first included.
        population
            Paths in a round.
        parents
            The best ever found, of which the next round is made.
        mutation
            The chance of each edge to be drawn anew, in (0, 1].
        batches
            Of validation, in a score.
        """

        rounds: int = 20
        population: int = 50
        parents: int = 10
        mutation: float = 0.1
        batches: int = 40

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("rounds", "population", "parents", "batches")
            self._require("mutation", 0 < self.mutation <= 1, "more than 0, and 1 at most")

    options: Options

    @classmethod
    def check(cls, space: NetworkSpace, settings: Mapping[str, Any]) -> None:
        """Raise :class:`UserError` if a round has more paths than the space has architectures, too."""
        super().check(space, settings)
        population, size = settings.get("population", cls.Options.population), space.search_space.size
        if size is not None and population > size:
            raise UserError(f"population is {population}; the space has {size} architectures, use as many or fewer")

    def searched(self, rng: np.random.Generator) -> list[tuple[Architecture, float]]:
        """Algorithm 1 of the paper."""
        new, seen = self.first_candidates(rng, self.options.population)
        scored: Scored = []
        for _ in range(self.options.rounds - 1):
            scored = self._ranked(scored, new)
            new = self._next(scored, rng, seen)
        return [(architecture, loss) for loss, architecture, _ in self._ranked(scored, new)]

    def _ranked(self, scored: Scored, new: list[tuple[Architecture, Genes]]) -> Scored:
        """What was scored, and what is new, best first."""
        fresh = [(self.inherited(one, self.options.batches), one, genes) for one, genes in new]
        return sorted([*scored, *fresh], key=lambda one: one[0])

    def _next(self, scored: Scored, rng: np.random.Generator, seen: set[str]) -> list[tuple[Architecture, Genes]]:
        """Half mutants, half crossovers, and random paths in the place of those that were not found."""
        parents, population = self._parents(scored), self.options.population
        new = self.candidates(self._mutants(parents, rng), population // 2, seen)
        new += self.candidates(self._crossovers(parents, rng), population // 2, seen)
        return new + self.candidates(self.uniform(rng), population - len(new), seen)

    def _parents(self, scored: Scored) -> list[Genes]:
        """The best ever found."""
        return [genes for _, _, genes in scored[: self.options.parents]]

    def _mutants(self, parents: list[Genes], rng: np.random.Generator) -> Iterator[Genes]:
        """Of a parent each, whose edges are drawn anew now and then."""
        while True:
            parent, fresh = parents[rng.integers(len(parents))], drawn_genes(self.supernet, rng)
            yield _mixed(fresh, parent, self.options.mutation, rng)

    def _crossovers(self, parents: list[Genes], rng: np.random.Generator) -> Iterator[Genes]:
        """Of two parents each, edge by edge of either."""
        while True:
            one, other = (parents[i] for i in rng.integers(len(parents), size=2))
            yield _mixed(one, other, 0.5, rng)


def _mixed(one: Genes, other: Genes, share: float, rng: np.random.Generator) -> Genes:
    """The rows of one with this chance, else of the other."""
    chosen = {cell: torch.from_numpy(rng.random((len(rows), 1)) < share) for cell, rows in one.items()}
    return {cell: torch.where(chosen[cell], rows, other[cell]) for cell, rows in one.items()}
