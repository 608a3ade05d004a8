"""Weights drawn anew."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning.utilities.seed import isolate_rng
from torch import nn

__all__ = ["initialise"]

_FILTERS: tuple[Any, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


def initialise(network: nn.Module, generator: torch.Generator, *, kaiming: bool) -> None:
    """Draw the weights of every module that has ``reset_parameters`` as torch does; torch's own generator stays.

    Parameters
    ----------
    kaiming
        Whether those of convolutions and linear layers are of N(0, 2 / fan-in) instead (arXiv 1502.01852), without
        biases.
    """
    with isolate_rng():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        for module in network.modules():
            if callable(reset := getattr(module, "reset_parameters", None)):
                reset()
    if kaiming:
        for module in network.modules():
            if isinstance(module, _FILTERS):
                _kaiming(module, generator)


def _kaiming(module: nn.Module, generator: torch.Generator) -> None:
    weight = module.get_parameter("weight")
    drawn = nn.init.kaiming_normal_(torch.empty(weight.shape), generator=generator)
    weight.data.copy_(drawn)
    if module.bias is not None:
        module.get_parameter("bias").data.zero_()
