"""The supernet of the DARTS cells (arXiv 1806.09055)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.partial_channels import part_of
from nni_nasplus.networks.supernet import NONE, Edge, MixedOperation, Supernet, Terms
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.images.darts_genotype import NODES, architecture_of, genotype_of
from nni_nasplus.spaces.images.genotype import KINDS, OPERATIONS, CellGenotype, Genotype
from nni_nasplus.spaces.images.operations import operation
from nni_nasplus.spaces.images.stack import CellPlan, CellStack, Macro, Preprocess

__all__ = ["DartsSupernet"]

_SOURCES = tuple((source, node + 2) for node in range(NODES) for source in range(node + 2))
"""The 14 edges of a cell: earlier state and later state."""
_CANDIDATES = (NONE, *OPERATIONS)


class _MixedCell(nn.Module):
    """A cell whose 14 edges are mixtures."""

    def __init__(self, plan: CellPlan, *, affine: bool, fraction: int) -> None:
        super().__init__()
        self.kind = plan.kind
        self.out_channels = NODES * plan.channels
        self.preprocess = Preprocess(plan, affine=affine)
        self.edges = nn.ModuleList(_mixture(plan, source, affine, fraction) for source, _ in _SOURCES)

    def forward(self, before: Tensor, last: Tensor, terms: Sequence[Terms]) -> Tensor:
        states = self.preprocess(before, last)
        for state in range(2, NODES + 2):
            incoming = [e for e, (_, target) in enumerate(_SOURCES) if target == state and terms[e].active]
            states.append(reduce(torch.add, [self.edges[e](states[_SOURCES[e][0]], terms[e]) for e in incoming]))
        return torch.cat(states[2:], 1)


def _mixture(plan: CellPlan, source: int, affine: bool, fraction: int) -> MixedOperation:
    stride = 2 if plan.kind == "reduce" and source < 2 else 1
    part = part_of(plan.channels, fraction)
    return MixedOperation(
        {name: operation(name, part, stride, affine=affine, normalised_pools=True) for name in _CANDIDATES},
        fraction=fraction,
    )


class DartsSupernet(Supernet):
    """Images [B, in_channels, H, W] → logits [B, classes], by mixtures of all eight operations on all 14 edges.

    Parameters
    ----------
    macro
        The sizes; DARTS searches with 16 channels and 8 layers.
    affine
        Whether the batch norms of the cells have weights; those of DARTS have none, those of TE-NAS have.
    fraction
        One in so many channels is computed on each edge, and the others pass by.
    """

    edges_per_node = 2

    def __init__(self, macro: Macro, *, affine: bool = False, fraction: int = 1) -> None:
        super().__init__([Edge(kind, *ends) for kind in KINDS for ends in _SOURCES], _CANDIDATES)
        self.net = CellStack(macro, lambda plan: _MixedCell(plan, affine=affine, fraction=fraction))

    def _run(self, x: Tensor, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        return self.net(x, lambda cell, *inputs: cell(*inputs, terms[cell.kind]))

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The eight edges of each cell of an architecture, with the operation on each."""
        genotype = genotype_of(architecture)
        return [
            (Edge(kind, source, position // 2 + 2), operation)
            for kind in KINDS
            for position, (operation, source) in enumerate(genotype.cell(kind).edges)
        ]

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """For each node the two edges whose best operation other than ``none`` weighs most, with that operation.

        Raises
        ------
        UserError
            If fewer than two edges of a node have such an operation left.
        """
        preferred = {kind: rows.tolist() for kind, rows in self._preferred(weights).items()}
        cells = []
        for kind in KINDS:
            edges = [pair for node in range(NODES) for pair in self._best(kind, node + 2, preferred[kind])]
            cells.append(CellGenotype(tuple(edges), tuple(range(2, NODES + 2))))
        return {**architecture_of(Genotype(*cells)), **self.besides}

    def _best(self, kind: str, state: int, weights: Sequence[Sequence[float]]) -> list[tuple[str, int]]:
        """The operations and inputs of the two edges of a node."""
        best: list[tuple[float, str, int]] = []
        for source in range(state):
            row = dict(zip(_CANDIDATES, weights[_SOURCES.index((source, state))], strict=True))
            names = [name for name in self.alive(Edge(kind, source, state)) if name != NONE]
            best += [(row[name], name, source) for name in sorted(names, key=row.__getitem__, reverse=True)[:1]]
        if len(best) < 2:
            raise UserError(f"node {state - 2} of the {kind} cell has fewer than two edges left; prune fewer")
        return [(name, source) for _, name, source in sorted(best, key=lambda one: -one[0])[:2]]
