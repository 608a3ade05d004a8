"""FairNAS: every operation is trained as often as every other (Chu et al., arXiv 1907.01845)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from nni_nasplus.networks.costs.extremes import Cost, size_of
from nni_nasplus.networks.supernet import Mixture
from nni_nasplus.one_shot.paths import Genes
from nni_nasplus.one_shot.shared_weights import Draw
from nni_nasplus.search.pareto import crowded_order
from nni_nasplus.strategies.paths.spos import SPOS, Scored

__all__ = ["FairNAS"]


class FairNAS(SPOS):
    """In each step every operation of every edge is trained once; then paths evolve by loss and size (NSGA-II).

    For a batch the operations of each edge are shuffled; the k-th path takes the k-th of each, and the gradients of all
    paths make one step (strict fairness, algorithm 1). So a step costs as many passes as there are operations. Where an
    edge has fewer operations left than another, it begins anew with its first. Paths are chosen as parents by the front
    they are in, not dominated in loss and number of weights, and by how alone they are there.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(SPOS.Options):
        """Those of SPOS."""

    options: Options

    def weight_draws(self, batch: Any) -> list[Draw]:
        """As many paths as an edge has operations."""
        rng = self.step_rng()
        shuffled = {cell: [_shuffled(row, rng) for row in mask] for cell, mask in self.supernet.masks.items()}
        count = max(len(row) for rows in shuffled.values() for row in rows)
        return [(1.0, self._path(shuffled, number)) for number in range(count)]

    def _path(self, shuffled: dict[str, list[np.ndarray]], number: int) -> Mixture:
        """The one of these numbers on all edges; none on an edge that is pruned as a whole."""
        active = {cell: torch.zeros_like(mask) for cell, mask in self.supernet.masks.items()}
        for cell, rows in shuffled.items():
            for edge, row in enumerate(rows):
                if len(row):
                    active[cell][edge, row[number % len(row)]] = True
        like = next(self.supernet.parameters())
        return Mixture({cell: mask.to(like) for cell, mask in active.items()}, active)

    def _parents(self, scored: Scored) -> list[Genes]:
        """The first of NSGA-II's order."""
        points = np.array([[-loss, -self._size(architecture)] for loss, architecture, _ in scored])
        return [scored[i][2] for i in crowded_order(points, self.options.parents)]

    @cached_property
    def _size(self) -> Cost:
        """The number of weights of a network."""
        assert self.build is not None
        return size_of(self.build)


def _shuffled(row: torch.Tensor, rng: np.random.Generator) -> np.ndarray:
    """The numbers of the operations that are alive."""
    return rng.permutation(np.flatnonzero(row.numpy()))
