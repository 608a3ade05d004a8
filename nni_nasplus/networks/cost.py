"""What an architecture costs: parameters and floating-point operations; for time see costs/timing.py."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["count_flops", "count_parameters"]


def count_parameters(network: nn.Module) -> int:
    """Trainable weights of the network in use, as papers count them.

    An auxiliary head, a submodule of the name ``auxiliary``, serves training alone and does not count.
    """
    weights = ((name.split("."), weight) for name, weight in network.named_parameters() if weight.requires_grad)
    return sum(weight.numel() for path, weight in weights if "auxiliary" not in path)


def count_flops(network: nn.Module, example: Any) -> int:
    """Floating-point operations of the matrix products and convolutions of one forward pass in evaluation mode.

    A multiply-add counts as two, as in :mod:`torch.utils.flop_counter`.
    """
    training = network.training
    arranged = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    counter = FlopCounterMode(display=False, custom_mapping={arranged: _linear} if arranged else {})
    with counter, torch.enable_grad():
        network.eval()(example)
    network.train(training)
    return counter.get_total_flops()


def _linear(given: torch.Size, weight: torch.Size, *_: Any, out_shape: torch.Size, **__: Any) -> int:
    """Of oneDNN's linear layer, [..., I] to [..., O], which torch's counter does not know."""
    return 2 * given.numel() * out_shape[-1]
