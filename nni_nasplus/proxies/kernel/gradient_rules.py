"""Each example's gradient of a layer's weight, from that of the layer's output: a rule for each kind of layer.

Those of torch's layers are here. Another layer has its rule as a method of its own, ``example_gradients(x, gradient)``,
which is called as :func:`row` is.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["OwnRule", "has_rule", "products", "row"]

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.LayerNorm, nn.Embedding)


@runtime_checkable
class OwnRule(Protocol):
    """A layer with a rule of its own."""

    def example_gradients(self, x: Tensor, gradient: Tensor) -> Tensor:
        """See :func:`row`."""


def has_rule(module: nn.Module) -> bool:
    """Whether there is a rule for the weights of a layer."""
    return isinstance(module, (*_LAYERS, OwnRule))


def row(module: nn.Module, x: Tensor, gradient: Tensor) -> Tensor:
    """The gradient by example of a layer's weights; [N, P].

    Parameters
    ----------
    x
        What the layer was given: N examples.
    gradient
        That of the sum of a function of each example, by what the layer gave; of a GRU, by the gates of its inputs.
    """
    if isinstance(module, OwnRule):
        return module.example_gradients(x, gradient)
    if isinstance(module, (nn.Conv1d, nn.Conv2d)):
        return _convolution(module, x, gradient)
    if isinstance(module, nn.Linear):
        return products(x, gradient)
    if isinstance(module, nn.BatchNorm2d):
        return _norm_of_images(module, x, gradient)
    if isinstance(module, nn.LayerNorm):
        return _layer_norm(module, x, gradient)
    assert isinstance(module, nn.Embedding)
    return _embedding(x, gradient)


def products(x: Tensor, gradient: Tensor) -> Tensor:
    """The sum of the outer products of [N, …, in] and [N, …, out]; [N, out · in]."""
    steps, outer = (values.reshape(len(values), -1, values.shape[-1]) for values in (x, gradient))
    return (outer.transpose(1, 2) @ steps).flatten(1)


def _convolution(module: nn.Conv1d | nn.Conv2d, x: Tensor, gradient: Tensor) -> Tensor:
    assert not isinstance(module.padding, str)
    kernel, dilation, padding, stride = module.kernel_size, module.dilation, module.padding, module.stride
    if isinstance(module, nn.Conv1d):
        x = x.unsqueeze(2)
        kernel, dilation, padding, stride = (1, *kernel), (1, *dilation), (0, *padding), (1, *stride)
    taps = F.unfold(x, kernel, dilation, padding, stride).unflatten(1, (module.groups, -1))
    outer = gradient.flatten(2).unflatten(1, (module.groups, -1)) @ taps.transpose(2, 3)
    return outer.flatten(1)


def _norm_of_images(module: nn.BatchNorm2d, x: Tensor, gradient: Tensor) -> Tensor:
    assert module.running_mean is not None and module.running_var is not None
    scale = (module.running_var + module.eps).rsqrt()
    sums = torch.stack([(gradient * x).flatten(2).sum(2), gradient.flatten(2).sum(2)])
    return (sums[0] - sums[1] * module.running_mean) * scale


def _layer_norm(module: nn.LayerNorm, x: Tensor, gradient: Tensor) -> Tensor:
    products = gradient * F.layer_norm(x, module.normalized_shape, eps=module.eps)
    return products.reshape(len(x), -1, module.weight.numel()).sum(1)


def _embedding(codes: Tensor, gradient: Tensor) -> Tensor:
    """Of the codes that the batch has."""
    used, place = codes.unique(return_inverse=True)
    found: Any = gradient.new_zeros(len(codes), len(used), gradient.shape[-1])
    return found.scatter_add_(1, place.unsqueeze(-1).expand_as(gradient), gradient).flatten(1)
