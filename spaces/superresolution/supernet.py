"""All operations of all blocks at all bits at once (QuantNAS, arXiv 2208.14839)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nni_nasplus.networks.quantised.bit_operations import multiply_adds
from nni_nasplus.networks.quantised.layers import QuantisedLayer, quantised_layers
from nni_nasplus.networks.quantised.supernet import CostedSupernet
from nni_nasplus.networks.supernet import Edge, Mixture, Terms
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.superresolution.network import Enlarging, bits_in, operation, shared_operation

__all__ = ["EnlargingSupernet"]

_CELL = "blocks"


class _MixedBlock(torch.nn.Module):
    """Σ over operations of what they compute with one weight at all bits that are active, times their weight."""

    def __init__(self, names: Sequence[str], channels: int) -> None:
        super().__init__()
        self.names = list(names)
        own = dict.fromkeys(name.partition("@")[0] for name in names)
        self.operations = torch.nn.ModuleDict({name: shared_operation(name, channels) for name in own})
        self.given: Terms | None = None

    def forward(self, x: Tensor) -> Tensor:
        assert self.given is not None
        weights = dict(zip(self.names, self.given.weights.unbind(), strict=True))
        parts = [self._computed(name, x, weights, self.given.active) for name in self.operations]
        return torch.stack([part for part in parts if part is not None]).sum(0)

    def _computed(self, own: str, x: Tensor, weights: Mapping[str, Tensor], active: Sequence[str]) -> Tensor | None:
        names = [name for name in active if name.partition("@")[0] == own]
        if not names:
            return None
        total = torch.stack([weights[name] for name in names]).sum()
        layers: list[QuantisedLayer] = [module for _, module in quantised_layers(self.operations[own])]
        shares = {bits_in(name): weights[name] / total for name in names}
        for layer in layers:
            layer.shares = (shares, shares)
        try:
            answer: Tensor = total * self.operations[own](x)
            return answer
        finally:
            for layer in layers:
                layer.shares = None


class EnlargingSupernet(CostedSupernet):
    """Small pictures → large ones, every operation of each block computed at all bits.

    The bits of an operation share one weight, and what enters a layer; it is computed once, with the mean of both over
    the bits, by the shares that these have of the operation's weight.

    Parameters
    ----------
    network
        The sizes of :class:`~nni_nasplus.spaces.superresolution.network.Enlarging`.
    names
        O operations, perhaps with bits, as in conv3x3@4.
    decisions
        The names of the blocks' decisions.
    size
        Height and width of the picture by which costs are counted.
    """

    def __init__(self, network: Mapping[str, int], names: Sequence[str], decisions: Sequence[str], size: int) -> None:
        super().__init__([Edge(_CELL, i, i + 1) for i in range(len(decisions))], names)
        channels = network["channels"]
        self.decisions = list(decisions)
        self.blocks = [_MixedBlock(names, channels) for _ in decisions]
        self.net = Enlarging(**network, blocks=self.blocks)
        example = torch.zeros(1, channels, size, size)
        macs = [sum(multiply_adds(operation(name.partition("@")[0], channels), example).values()) for name in names]
        self.costs = [float(count * bits_in(name) ** 2) for count, name in zip(macs, names, strict=True)]

    def bit_operations(self, mixture: Mixture) -> Tensor:
        """Σ α · bits² · multiply-adds of the blocks; gradients reach the mixture."""
        rows = mixture.weights[_CELL]
        return (rows * rows.new_tensor(self.costs)).sum()

    @property
    def most_bit_operations(self) -> float:
        """Of the network that costs most."""
        return max(self.costs) * len(self.edges)

    def _run(self, x: Any, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        for block, given in zip(self.blocks, terms[_CELL], strict=True):
            block.given = given
        try:
            answer: Tensor = self.net(x)
            return answer
        finally:
            for block in self.blocks:
                block.given = None

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The operation of each block."""
        return [(edge, str(architecture[name])) for edge, name in zip(self.edges, self.decisions, strict=True)]

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """In each block what weighs most."""
        best = self._preferred(weights)[_CELL].argmax(-1).tolist()
        chosen = {name: self.operations[column] for name, column in zip(self.decisions, best, strict=True)}
        return {**chosen, **self.besides}
