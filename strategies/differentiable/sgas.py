"""SGAS: one edge after the other is decided for good (Li et al., arXiv 1912.00195)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import NONE, Edge
from nni_nasplus.strategies.differentiable.darts import DARTS

__all__ = ["SGAS"]

_FIRST, _LAST = 9 / 50, 44 / 50
"""The share of the epochs before the first decision and before the last one: after epochs 9, 14, … 44 of 50."""
_HISTORY = 4
"""Epochs that stability is measured over."""


class SGAS(DARTS):
    """DARTS that in every few epochs fixes the edge that is surest at its best operation, in each kind of cell.

    By criterion 1 that is the edge with the largest product of importance, the weight of all operations but ``none``,
    and certainty, how far their shares are from uniform; by criterion 2 of these and of stability, how much the shares
    overlap with those of the last four epochs. Each factor is brought to [0, 1] over the edges that are left. Where a
    node has as many edges as it may have, the rest of its edges are pruned; so the supernet becomes the architecture.
    The decisions of a search with other epochs or edges are spread alike.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of SGAS.

        Parameters
        ----------
        criterion
            1, importance and certainty; 2, stability as well.
        """

        criterion: Literal[1, 2] = 1

    options: Options

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Decide what is due."""
        shares = {cell: self._shares(rows.detach().cpu()) for cell, rows in self.strengths().items()}
        for cell in self.alphas:
            while self._decided(cell) < self._due(cell) and (left := self._undecided(cell)):
                scores = self._scores(cell, left, shares[cell])
                self.decide(left[max(range(len(left)), key=scores.__getitem__)], shares[cell])
        kept = self.memory.setdefault("shares", [])
        kept.append(shares)
        del kept[:-_HISTORY]

    def _shares(self, weights: Tensor) -> Tensor:
        """[E, O] without ``none``, of sum 1 on each edge that is not pruned."""
        counts = torch.tensor([name != NONE for name in self.supernet.operations])
        shares = weights * counts
        return shares / shares.sum(-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)

    def _scores(self, cell: str, edges: list[Edge], shares: Tensor) -> list[float]:
        """How sure each of some edges is (eq. 2 to 6)."""
        rows = [self._edges(cell).index(edge) for edge in edges]
        columns = [i for i, name in enumerate(self.supernet.operations) if name != NONE]
        importance = self.strengths()[cell].detach().cpu()[rows][:, columns].sum(-1)
        certainty = 1 - torch.special.entr(shares[rows]).sum(-1) / math.log(max(2, len(columns)))
        product = _scaled(importance) * _scaled(certainty)
        if self.options.criterion == 2 and (kept := self.memory.get("shares")):
            overlaps = [torch.minimum(shares[rows], before[cell][rows]).sum(-1) for before in kept]
            product = product * _scaled(torch.stack(overlaps).mean(0))
        return product.tolist()  # type: ignore[no-any-return]

    def decide(self, edge: Edge, shares: Tensor) -> None:
        """Leave the best operation of an edge, and no more edges of its node than it may have."""
        best = self.supernet.operations[int(shares[self._edges(edge.cell).index(edge)].argmax())]
        for name in self.supernet.alive(edge):
            if name != best:
                self.supernet.prune(edge, name)
        node = [other for other in self._edges(edge.cell) if other.target == edge.target]
        most = self.supernet.edges_per_node
        if most is not None and sum(len(self.supernet.alive(other)) == 1 for other in node) == most:
            for other in node:
                if len(self.supernet.alive(other)) > 1:
                    self.supernet.prune(other)

    def _edges(self, cell: str) -> list[Edge]:
        return [edge for edge in self.supernet.edges if edge.cell == cell]

    def _undecided(self, cell: str) -> list[Edge]:
        return [edge for edge in self._edges(cell) if len(self.supernet.alive(edge)) > 1]

    def _decided(self, cell: str) -> int:
        return sum(len(self.supernet.alive(edge)) == 1 for edge in self._edges(cell))

    def _due(self, cell: str) -> int:
        """How many edges are to be decided by the end of this epoch."""
        targets = [edge.target for edge in self._edges(cell)]
        most = self.supernet.edges_per_node or len(targets)
        total = sum(min(most, targets.count(target)) for target in set(targets))
        if self.epoch >= self.epochs:
            return total
        first, last = _FIRST * self.epochs, _LAST * self.epochs
        past = (self.epoch - 1 - first) / ((last - first) / max(1, total - 1))
        return max(0, min(total, 1 + math.floor(past + 1e-9)))


def _scaled(values: Tensor) -> Tensor:
    """From 0 for the least to 1 for the largest; ones where all are equal."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else torch.ones_like(values)
