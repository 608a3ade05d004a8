"""The two baselines that a proxy is to beat: parameters and floating-point operations."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.proxies.examples import inputs_of, one
from nni_nasplus.proxies.networks import matched, scored_copy

__all__ = ["flops", "parameters"]


def parameters(network: nn.Module, batch: Any = None, generator: torch.Generator | None = None) -> float:
    """Return the number of trainable weights; neither batch nor generator is looked at."""
    return float(count_parameters(network))


def flops(network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
    """Return the floating-point operations of one example (:func:`~nni_nasplus.networks.cost.count_flops`)."""
    copy = scored_copy(network)
    return float(count_flops(copy, inputs_of(matched(one(batch, 0), copy))))
