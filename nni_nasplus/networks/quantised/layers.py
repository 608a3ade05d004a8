"""Convolutions and linear maps at few bits: what stands in a layer's place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.quantised.grids import FLOAT
from nni_nasplus.networks.quantised.quantisers import (
    noisy,
    packed_weights,
    quantised_inputs,
    quantised_weights,
    unpacked,
)

__all__ = ["LAYERS", "Bits", "QuantisedLayer", "Shares", "packed", "quantise_layers", "quantised_layers"]

Shares = Mapping[int, Tensor]
"""By bits the weight of each choice in a mixture, scalars."""

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear)
"""What has a quantised counterpart."""
_MEMORY = 0.1
"""How much of what is remembered of the inputs' size a batch replaces, as in batch normalisation."""


_WHOLE = torch.ones(())
"""The share of what is alone."""


class Bits(NamedTuple):
    """Of a layer."""

    weights: int
    inputs: int


class QuantisedLayer(nn.Module):
    """A layer whose weights and inputs have few bits: y = f(Q(x); Q(W)) + bias, the bias a float.

    While :attr:`shares` are given, it is EdMIPS' mixture y = f(Σ π Q(x); Σ π Q(W)) of one W and one x at several bits
    (Cai and Vasconcelos, arXiv 2004.05795, eq. 9). The published activations have unit variance by batch
    normalisation; since not all inputs here have, their size is measured in training, as batch normalisation does, and
    whether any was negative.

    Parameters
    ----------
    layer
        One of :data:`LAYERS`; it is taken over, not copied.
    bits
        Of it where no shares are given.

    Attributes
    ----------
    scale
        What the weights are whole multiples of, while they are packed.
    noise
        Draws what is added to weights and inputs in place of quantising them, see
        :func:`~nni_nasplus.networks.quantised.quantisers.noisy`; None for quantising.
    """

    power: Tensor
    negative: Tensor
    batches: Tensor

    def __init__(self, layer: nn.Module, bits: Bits) -> None:
        super().__init__()
        self.layer = layer
        self.bits = bits
        self.shares: tuple[Shares, Shares] | None = None
        self.scale: float | None = None
        self.noise: torch.Generator | None = None
        self.register_buffer("power", torch.ones(()))
        self.register_buffer("negative", torch.ones(()))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self._observe(x.detach())
        weights, inputs = self.shares or ({self.bits.weights: _WHOLE}, {self.bits.inputs: _WHOLE})
        signed = bool(self.negative)
        deviation = (self.power if signed else 2 * self.power).sqrt()
        weight = self.layer.get_parameter("weight")
        if (noise := self.noise) is not None:
            few = _mixed(weights, lambda bits: noisy(weight, bits, noise))
            return self._computed(_mixed(inputs, lambda bits: noisy(x, bits, noise)), few)
        if self.scale is None:
            few = _mixed(weights, lambda bits: quantised_weights(weight, bits))
        else:
            few = unpacked(weight, self.scale, signed=True)
        mixed = _mixed(inputs, lambda bits: quantised_inputs(x, bits, deviation, signed=signed))
        return self._computed(mixed, few)

    def _computed(self, x: Tensor, weight: Tensor) -> Tensor:
        """What the layer makes of x with another weight; by torch's own functions, for ONNX has no other calls."""
        layer: Any = self.layer
        bias = layer.bias
        if bias is not None and torch.onnx.is_in_onnx_export():
            # onnxruntime would round the bias of a quantised product to steps as coarse as those of the product
            return self._product(x, weight, None) + bias.view(-1, *[1] * (weight.dim() - 2))
        return self._product(x, weight, bias)

    def _product(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        layer: Any = self.layer
        if isinstance(layer, nn.Linear):
            return nn.functional.linear(x, weight, bias)
        answer: Tensor = layer._conv_forward(x, weight, bias)
        return answer

    def _observe(self, x: Tensor) -> None:
        """The mean of the squares, of all batches at first and then of the last ones."""
        with torch.no_grad():
            first = self.batches == 0
            self.batches += 1
            share = (1 / self.batches).clamp(min=_MEMORY)
            self.power.lerp_(x.float().square().mean().clamp(min=torch.finfo(torch.float32).tiny), share)
            negative = (x < 0).any().to(self.negative)
            self.negative.copy_(torch.where(first, negative, torch.maximum(self.negative, negative)))


def _mixed(shares: Shares, quantised: Callable[[int], Tensor]) -> Tensor:
    """Σ share · quantised(bits); itself where there is one alone, for a product would be one more operation."""
    parts = [quantised(bits) if share is _WHOLE else share * quantised(bits) for bits, share in shares.items()]
    return reduce(torch.add, parts)


def quantise_layers(network: nn.Module, bits: Mapping[str, Bits]) -> nn.Module:
    """Put quantised layers into the place of a network's, with their weights; it is changed in place.

    Parameters
    ----------
    bits
        By the names of layers, as ``named_modules`` gives them.

    Raises
    ------
    UserError
        If the network has no such layer.
    """
    for name, chosen in bits.items():
        parent, _, own = name.rpartition(".")
        layer = dict(network.named_modules()).get(name)
        if not isinstance(layer, LAYERS):
            raise UserError(f"the network has no layer '{name}' that can be quantised")
        setattr(network.get_submodule(parent), own, QuantisedLayer(layer, chosen))
    return network


def quantised_layers(network: nn.Module) -> Iterator[tuple[str, QuantisedLayer]]:
    """Those of a network, by their names."""
    return ((name, module) for name, module in network.named_modules() if isinstance(module, QuantisedLayer))


@contextmanager
def packed(network: nn.Module) -> Iterator[int]:
    """For a while the weights of quantised layers are the values that they are quantised to.

    It gives how many there are.
    """
    layers = [module for _, module in quantised_layers(network) if module.bits.weights != FLOAT]
    before = [module.layer.get_parameter("weight").detach().clone() for module in layers]
    try:
        for module, weight in zip(layers, before, strict=True):
            values, module.scale = packed_weights(weight, module.bits.weights)
            module.layer.get_parameter("weight").data.copy_(values)
        yield len(layers)
    finally:
        for module, weight in zip(layers, before, strict=True):
            module.scale = None
            module.layer.get_parameter("weight").data.copy_(weight)
