"""The supernet of the NAS-Bench-201 cells (arXiv 2001.00326)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.networks.partial_channels import part_of
from nni_nasplus.networks.supernet import Edge, MixedOperation, Supernet, Terms
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.images.chain import CellChain, ChainMacro
from nni_nasplus.spaces.images.nasbench201_cell import EDGES, NODES, OPERATIONS, decision
from nni_nasplus.spaces.images.operations import operation

__all__ = ["NasBench201Supernet"]

_CELL = "cell"


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
        """On each edge the operation that weighs most; ``none`` where the edge is pruned."""
        rows = zip(EDGES, self._preferred(weights)[_CELL].argmax(-1).tolist(), strict=True)
        return {**{decision(*ends): OPERATIONS[best] for ends, best in rows}, **self.besides}
