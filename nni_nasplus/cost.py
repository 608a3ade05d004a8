"""What an architecture costs: parameters and floating-point operations."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["count_flops", "count_parameters"]


def count_parameters(network: nn.Module) -> int:
    """Trainable weights."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def count_flops(network: nn.Module, example: Any) -> int:
    """Floating-point operations of the matrix products and convolutions of one forward pass in evaluation mode.

    A multiply-add counts as two, as in :mod:`torch.utils.flop_counter`.
    """
    training = network.training
    counter = FlopCounterMode(display=False)
    with counter, torch.enable_grad():
        network.eval()(example)
    network.train(training)
    return counter.get_total_flops()
