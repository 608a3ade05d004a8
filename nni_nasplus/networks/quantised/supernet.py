"""All bits at once: each layer's weights and inputs are mixtures of one tensor at several bits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.networks.quantised.grids import FLOAT
from nni_nasplus.networks.quantised.layers import Bits, Shares, quantise_layers, quantised_layers
from nni_nasplus.networks.supernet import Edge, Mixture, Supernet, Terms
from nni_nasplus.search.space import Architecture

__all__ = ["INPUTS", "WEIGHTS", "BitSupernet", "CostedSupernet", "decision", "decisions_of"]

WEIGHTS, INPUTS = "weights", "inputs"
"""What of a layer chooses its bits: the kinds of cells, whose edges are the layers in the order in which they run."""


def decision(layer: str, what: str) -> str:
    """The name of the decision how many bits a layer's weights or inputs have."""
    return f"{layer}.{what}"


class CostedSupernet(Supernet):
    """A supernet of layers at several bits, which knows what a mixture costs."""

    @abstractmethod
    def bit_operations(self, mixture: Mixture) -> Tensor:
        """Expected bit operations of one example; gradients reach the mixture."""

    @property
    @abstractmethod
    def most_bit_operations(self) -> float:
        """Of the architecture that costs most."""

    @contextmanager
    def with_noise(self, generator: torch.Generator) -> Iterator[None]:
        """For a while layers add the noise of quantising in place of quantising."""
        layers = [layer for _, layer in quantised_layers(self)]
        for layer in layers:
            layer.noise = generator
        try:
            yield
        finally:
            for layer in layers:
                layer.noise = None


class BitSupernet(CostedSupernet):
    """A network whose layers compute at several bits at once (EdMIPS, arXiv 2004.05795, eq. 9).

    Parameters
    ----------
    network
        With its weights; it is taken over, and its layers are replaced.
    macs
        Multiply-adds of the layers whose bits are searched, by name, in the order in which they run.
    weights, inputs
        Which bits weights and inputs may have.

    Raises
    ------
    UserError
        If the network has no such layer.
    """

    def __init__(
        self, network: nn.Module, macs: Mapping[str, int], weights: Sequence[int], inputs: Sequence[int]
    ) -> None:
        bits = sorted({*weights, *inputs})
        edges = [Edge(what, i, i + 1) for what in (WEIGHTS, INPUTS) for i in range(len(macs))]
        super().__init__(edges, [str(number) for number in bits])
        self.bits = bits
        self.macs = dict(macs)
        self.net = quantise_layers(network, dict.fromkeys(macs, Bits(FLOAT, FLOAT)))
        self.layers = [dict(quantised_layers(self.net))[name] for name in macs]
        for what, allowed in ((WEIGHTS, weights), (INPUTS, inputs)):
            for column, number in enumerate(bits):
                self.masks[what][:, column] = number in allowed

    def bit_operations(self, mixture: Mixture) -> Tensor:
        """Σ E[bits of the weights] · E[bits of the inputs] · multiply-adds (eq. 12); gradients reach the mixture."""
        expected = [
            mixture.weights[what] @ mixture.weights[what].new_tensor(list(map(float, self.bits)))
            for what in (WEIGHTS, INPUTS)
        ]
        return (expected[0] * expected[1] * expected[0].new_tensor([float(n) for n in self.macs.values()])).sum()

    @property
    def most_bit_operations(self) -> float:
        """Of all layers at the most bits that they may have."""
        most = [max(b for b, on in zip(self.bits, mask[0].tolist(), strict=True) if on) for mask in self.masks.values()]
        return float(sum(self.macs.values()) * prod(most))

    def _run(self, x: Any, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        for layer, weights, inputs in zip(self.layers, terms[WEIGHTS], terms[INPUTS], strict=True):
            layer.shares = (self._shares(weights), self._shares(inputs))
        try:
            answer: Tensor = self.net(x)
            return answer
        finally:
            for layer in self.layers:
                layer.shares = None

    def _shares(self, terms: Terms) -> Shares:
        named = zip(self.bits, self.operations, terms.weights.unbind(), strict=True)
        return {bits: share for bits, name, share in named if name in terms.active}

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The bits of an architecture as operations."""
        names = [decision(layer, what) for what, layer in product((WEIGHTS, INPUTS), self.macs)]
        return [(edge, str(architecture[name])) for edge, name in zip(self.edges, names, strict=True)]

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """Of each layer the bits that weigh most."""
        best = {what: rows.argmax(-1).tolist() for what, rows in self._preferred(weights).items()}
        chosen = {
            decision(layer, what): self.bits[column]
            for what in (WEIGHTS, INPUTS)
            for layer, column in zip(self.macs, best[what], strict=True)
        }
        return {name: chosen[name] for name in decisions_of(self.macs)}


def decisions_of(layers: Iterable[str]) -> list[str]:
    """The names of all decisions: layer by layer, the weights' first."""
    return [decision(layer, what) for layer in layers for what in (WEIGHTS, INPUTS)]
