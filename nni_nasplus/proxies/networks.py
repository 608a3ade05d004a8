"""Copies of networks that proxies may do with as they like."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from nni_nasplus.proxies.examples import logits, mapped

__all__ = ["NORMS", "batch_norms", "fix_statistics", "matched", "matrices", "scored_copy"]

NORMS = (_BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


def scored_copy(network: nn.Module, *, double: bool = True) -> nn.Module:
    """Return a copy whose weights take gradients, for a proxy to work on.

    It is without dropout, and its batch norms take the statistics of the batch, as in training.

    Parameters
    ----------
    network
        What is copied.
    double
        Whether the copy is of float64; else it is of the network's precision.
    """
    copy = deepcopy(network).eval().requires_grad_(True)
    for norm in batch_norms(copy):
        norm.train()
    return copy.double() if double else copy


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """Return the batch norms of a network, in the order of its modules."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def fix_statistics(network: nn.Module, batch: Any) -> None:
    """Give the batch norms the statistics of a batch, with unbiased variances, to keep as running ones."""
    for norm in batch_norms(network):
        if norm.running_mean is None:
            weight = next(network.parameters())
            norm.running_mean, norm.running_var = (
                weight.new_zeros(norm.num_features),
                weight.new_ones(norm.num_features),
            )
        norm.track_running_stats, norm.momentum = True, 1.0
        norm.train()
    with torch.no_grad():
        logits(network, batch)
    network.eval()


def matrices(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights of convolutions, linear and recurrent layers by name: all of two dimensions or more."""
    named = network.named_parameters()
    return {name: weight for name, weight in named if "weight" in name and weight.ndim > 1}


def matched(batch: Any, network: nn.Module) -> Any:
    """Return the batch with its numbers in the network's precision; codes and masks stay."""
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.get_default_dtype())
    return mapped(lambda field: field.to(dtype) if field.is_floating_point() else field, batch)
