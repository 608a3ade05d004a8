"""The dense supernet of DenseNAS (arXiv 1906.09607, section 3.2): blocks of growing width, many of them connected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.parts import named
from nni_nasplus.networks.costs.routes import Routes
from nni_nasplus.networks.supernet import Edge, MixedOperation, Supernet, Terms
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.densenas.connections import CONNECTIONS, END, stage_of
from nni_nasplus.spaces.densenas.plan import OPERATIONS, DenseMacro, architecture_of, passed
from nni_nasplus.spaces.mobile.block import InvertedResidual, conv_bn
from nni_nasplus.spaces.mobile.genotype import SKIP, Operation

__all__ = ["DenseNasSupernet"]

_CONNECTIONS, _LAYERS = "connections", "layers"
_SMALLEST = 1e-30
"""Of a share, whose logarithm is then finite: what is alive goes before what is not."""


class DenseNasSupernet(Supernet):
    """Images [B, in_channels, H, W] → logits [B, classes], by mixtures of operations on 54 connections and in layers.

    Edges of the kind ``connections`` lead from block to block, whose widths they change: the input of a block is the
    sum of what comes over its connections. Those to the last convolution have no operations to choose from, and what
    is alive there, ``skip_connect``, is that convolution. Edges of the kind ``layers`` are the further layers of
    blocks, in order, which ``skip_connect`` leaves out.

    Parameters
    ----------
    affine
        Whether batch norms of what is searched have weights.
    """

    routes: Routes

    def __init__(self, macro: DenseMacro, *, affine: bool = True) -> None:
        owners = [block for block in range(END) for _ in range(macro.layers(stage_of(block)))]
        connections = [Edge(_CONNECTIONS, *ends) for ends in CONNECTIONS]
        layers = [Edge(_LAYERS, place, place + 1) for place in range(len(owners))]
        super().__init__([*connections, *layers], (*OPERATIONS, SKIP))
        self.macro = macro
        self.routes = Routes(_CONNECTIONS, CONNECTIONS, {_LAYERS: owners})
        self.stem = named(conv_bn(macro.in_channels, macro.width(0), 3, macro.stem_stride), "conv_3x3")
        self.first = InvertedResidual(macro.first.operation, macro.width(0), macro.first.channels, 1)
        self.connections = nn.ModuleList(_connection(macro, *ends, affine=affine) for ends in CONNECTIONS)
        widths = [macro.width(block) for block in owners]
        self.layers = nn.ModuleList(_mixture(width, width, 1, affine) for width in widths)
        self.classifier = named(nn.Linear(macro.width(END), macro.classes), "linear")
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for edge in connections:
            for name in OPERATIONS if edge.target == END else [SKIP]:
                self.prune(edge, name)

    def _run(self, x: Tensor, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        # with channels last, CPUs compute steps of narrow layers in half of the time
        states = {0: self.first(self.stem(x.contiguous(memory_format=torch.channels_last)))}
        for block in range(1, END + 1):
            arriving = [
                self.connections[number](states[source], terms[_CONNECTIONS][number])
                for number, (source, target) in enumerate(CONNECTIONS)
                if target == block and source in states and terms[_CONNECTIONS][number].active
            ]
            if arriving:
                states[block] = self._layered(block, reduce(torch.add, arriving), terms[_LAYERS])
        return self.classifier(states[END].mean((2, 3)))

    def _layered(self, block: int, x: Tensor, terms: Sequence[Terms]) -> Tensor:
        for place in self._layers_of(block):
            x = self.layers[place](x, terms[place])
        return x

    def _layers_of(self, block: int) -> list[int]:
        return [place for place, owner in enumerate(self.routes.inside[_LAYERS]) if owner == block]

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The connections of the route and the layers of its blocks, with a skip connection where there is no layer."""
        blocks = passed(architecture)
        route = [0, *(block for block, _ in blocks), END]
        heads = [*(head for _, (head, *_) in blocks), SKIP]
        found = [(Edge(_CONNECTIONS, *ends), head) for ends, head in zip(pairwise(route), heads, strict=True)]
        for block, (_, *names) in blocks:
            places = self._layers_of(block)
            rest = [SKIP] * (len(places) - len(names))
            found += [
                (Edge(_LAYERS, place, place + 1), name) for place, name in zip(places, [*names, *rest], strict=True)
            ]
        return found

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """The route whose connections weigh most, as a product, with the operations that do.

        What a connection weighs is the sum of its operations: its share, where operations have weights that are 1 in
        all.

        Raises
        ------
        UserError
            If no route is left.
        """
        alike = {cell: mask / mask.sum(-1, keepdim=True).clamp(min=1) for cell, mask in self.masks.items()}
        rows = self._preferred(alike if weights is None else weights)
        shares = rows[_CONNECTIONS].clamp(min=0).sum(-1).clamp(min=_SMALLEST).log()
        gone = ~self.masks[_CONNECTIONS].any(-1)
        route = self.routes.best(shares.masked_fill(gone, -torch.inf), torch.zeros(self.routes.nodes))
        names = {cell: [self.operations[best] for best in row.argmax(-1).tolist()] for cell, row in rows.items()}
        if not all(self.alive(self.edges[number]) for number in route):
            raise UserError("no route is left through the blocks; prune fewer connections")
        blocks = []
        for number in route[:-1]:
            block = CONNECTIONS[number][1]
            layers = [names[_LAYERS][place] for place in self._layers_of(block)]
            blocks.append((block, [names[_CONNECTIONS][number], *(name for name in layers if name != SKIP)]))
        return {**architecture_of(blocks, self.macro), **self.besides}


def _mixture(n_in: int, n_out: int, stride: int, affine: bool) -> MixedOperation:
    blocks: dict[str, nn.Module] = {
        name: InvertedResidual(Operation.parse(name), n_in, n_out, stride, affine=affine) for name in OPERATIONS
    }
    return MixedOperation({**blocks, SKIP: nn.Identity()})


def _connection(macro: DenseMacro, source: int, target: int, *, affine: bool) -> MixedOperation:
    n_in, n_out = macro.width(source), macro.width(target)
    if target != END:
        return _mixture(n_in, n_out, macro.stride(source, target), affine)
    last = named(conv_bn(n_in, n_out, 1, affine=affine), "conv_1x1")
    return MixedOperation({**{name: nn.Identity() for name in OPERATIONS}, SKIP: last})
