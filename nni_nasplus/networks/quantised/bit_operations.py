"""What layers cost at few bits: multiply-adds times the bits of both factors (EdMIPS, arXiv 2004.05795, eq. 12)."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nni_nasplus.networks.quantised.grids import FLOAT
from nni_nasplus.networks.quantised.layers import LAYERS, Bits, QuantisedLayer, quantised_layers

__all__ = ["LayerBits", "bit_operations", "kibibytes", "layer_bits", "multiply_adds"]


class LayerBits(NamedTuple):
    """What a layer of a network is like."""

    name: str
    bits: Bits
    multiply_adds: int

    @property
    def operations(self) -> int:
        """Bit operations of one example."""
        return self.multiply_adds * prod(self.bits)


def layer_bits(network: nn.Module, example: Any) -> list[LayerBits]:
    """The layers that :func:`multiply_adds` counts, at their bits; none where all of them are float by nature."""
    modules = dict(network.named_modules())
    if not any(isinstance(module, QuantisedLayer) for module in modules.values()):
        return []
    counts = multiply_adds(network, example, (*LAYERS, QuantisedLayer))
    bits = {name: getattr(modules[name], "bits", Bits(FLOAT, FLOAT)) for name in counts}
    return [LayerBits(name, bits[name], count) for name, count in counts.items()]


def multiply_adds(network: nn.Module, example: Any, kinds: tuple[type[nn.Module], ...] = LAYERS) -> dict[str, int]:
    """The multiply-adds of the layers that have a quantised counterpart, by name, in the order in which they run.

    Layers that a forward pass in evaluation mode never calls, such as auxiliary heads, are left out, and so are those
    that it calls more than once, the steps of recurrent cells: their rounding would add up in the state.

    Parameters
    ----------
    example
        An input of one example.
    kinds
        Which modules are meant.
    """
    counts: dict[str, list[int]] = {}
    handles = [
        layer.register_forward_hook(
            lambda module, _, answer, name=name: counts.setdefault(name, []).append(_products(module, answer))
        )
        for name, layer in network.named_modules()
        if isinstance(layer, kinds)
    ]
    training = network.training
    try:
        with torch.no_grad():
            network.eval()(example)
    finally:
        network.train(training)
        for handle in handles:
            handle.remove()
    return {name: calls[0] for name, calls in counts.items() if len(calls) == 1}


def _products(layer: nn.Module, answer: Tensor) -> int:
    """Of one output there are as many as a row of the weight matrix has numbers."""
    own = layer.layer if isinstance(layer, QuantisedLayer) else layer
    return answer.numel() * prod(own.get_parameter("weight").shape[1:])


def bit_operations(macs: Mapping[str, int], bits: Mapping[str, tuple[int, int]]) -> float:
    """Σ multiply-adds · bits of the weights · bits of the inputs, over layers.

    Parameters
    ----------
    macs
        Multiply-adds by layer.
    bits
        Of weights and of inputs by layer; 32 and 32 where a layer is not among them.
    """
    return float(sum(count * prod(bits.get(name, (FLOAT, FLOAT))) for name, count in macs.items()))


def kibibytes(network: nn.Module) -> float:
    """What the weights of a network take where each has its bits, those that are not quantised 32."""
    found = {id(weight): (weight.numel(), FLOAT) for weight in network.parameters()}
    for _, module in quantised_layers(network):
        weight = module.layer.get_parameter("weight")
        found[id(weight)] = (weight.numel(), module.bits.weights)
    return sum(count * bits for count, bits in found.values()) / 8 / 1024
