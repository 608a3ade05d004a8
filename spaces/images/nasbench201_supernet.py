"""The supernet of the NAS-Bench-201 cells (arXiv 2001.00326)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.networks.partial_channels import part_of
from nni_nasplus.networks.supernet import NONE, Edge, MixedOperation, Supernet, Terms
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.images.chain import CellChain, ChainMacro
from nni_nasplus.spaces.images.nasbench201_cell import EDGES, NODES, OPERATIONS, decision
from nni_nasplus.spaces.images.operations import operation

__all__ = ["NasBench201Supernet"]

_CELL = "cell"
_WAYS = (((0, 3),), ((0, 1), (1, 3)), ((0, 2), (2, 3)), ((0, 1), (1, 2), (2, 3)))
"""From the input of a cell to its output, edge by edge."""


class _MixedCell(nn.Module):
    """A cell whose six edges are mixtures."""

    def __init__(self, channels: int, *, affine: bool, fraction: int) -> None:
        super().__init__()
        part = part_of(channels, fraction)
        self.edges = nn.ModuleList(
            MixedOperation({name: operation(name, part, 1, affine=affine) for name in OPERATIONS}, fraction=fraction)
            for _ in EDGES
        )

    def forward(self, x: Tensor, terms: Sequence[Terms]) -> Tensor:
        nodes = [x]
        for node in range(1, NODES):
            incoming = [e for e, (_, target) in enumerate(EDGES) if target == node and terms[e].active]
            nodes.append(reduce(torch.add, [self.edges[e](nodes[EDGES[e][0]], terms[e]) for e in incoming]))
        return nodes[-1]


class NasBench201Supernet(Supernet):
    """Images [B, in_channels, H, W] → logits [B, classes], by mixtures of all five operations on all six edges.

    TE-NAS (arXiv 2102.11535) takes its kernel from ``ChainMacro(channels=3, cells=1)``, and counts linear regions with
    ``ChainMacro(channels=1, cells=1, in_channels=1, stages=1, stem=False)``.

    Parameters
    ----------
    affine
        Whether the batch norms of the cells have weights.
    fraction
        One in so many channels is computed on each edge, and the others pass by.
    """

    def __init__(self, macro: ChainMacro, *, affine: bool = True, fraction: int = 1) -> None:
        super().__init__([Edge(_CELL, *ends) for ends in EDGES], OPERATIONS)
        self.net = CellChain(macro, lambda channels: _MixedCell(channels, affine=affine, fraction=fraction))

    def _run(self, x: Tensor, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        return self.net(x, lambda cell, x: cell(x, terms[_CELL]))

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The six edges of the cell of an architecture, with the operation on each."""
        return [(Edge(_CELL, *ends), architecture[decision(*ends)]) for ends in EDGES]

    def hold(self, name: str, choice: Choice) -> None:
        """Leave one operation on the edge of a decision."""
        edges = {decision(*ends): Edge(_CELL, *ends) for ends in EDGES}
        if name in edges:
            self.keep(edges[name], str(choice))
        else:
            super().hold(name, choice)

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """On each edge the operation that weighs most; ``none`` where the edge is pruned.

        Where that leaves no way from the input to the output, the way is opened that costs the least weight: its edges
        have their heaviest operations but ``none``.
        """
        rows = self._preferred(weights)[_CELL]
        chosen = dict(zip(EDGES, rows.argmax(-1).tolist(), strict=True))
        if not any(all(OPERATIONS[chosen[edge]] != NONE for edge in way) for way in _WAYS):
            chosen |= _opened(dict(zip(EDGES, rows, strict=True)))
        return {**{decision(*ends): OPERATIONS[best] for ends, best in chosen.items()}, **self.besides}


def _opened(rows: Mapping[tuple[int, int], Tensor]) -> dict[tuple[int, int], int]:
    """The operations on the way that costs the least; on no edge where each way has one that is pruned."""
    others = torch.tensor([name != NONE for name in OPERATIONS])
    passing = {edge: row.masked_fill(~others, -torch.inf) for edge, row in rows.items()}
    loss = {
        edge: float(rows[edge].max() - row.max()) if row.isfinite().any() else math.inf for edge, row in passing.items()
    }
    costs = [sum(loss[edge] for edge in way) for way in _WAYS]
    least = min(range(len(_WAYS)), key=costs.__getitem__)
    return {edge: int(passing[edge].argmax()) for edge in _WAYS[least]} if costs[least] < math.inf else {}
