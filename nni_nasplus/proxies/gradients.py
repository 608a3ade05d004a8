"""The gradient of the loss at initialisation: SNIP (Lee et al., arXiv 1810.02340), and its norm.

Both became proxies of networks in Abdelfattah et al. (arXiv 2101.08134).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.proxies.examples import loss
from nni_nasplus.proxies.networks import matched, matrices, scored_copy

__all__ = ["grad_norm", "snip"]


def grad_norm(network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
    """Return Σ ‖∂L/∂w‖ over all matrices w, L the mean cross-entropy; 0 or more, higher is better.

    Parameters
    ----------
    network
        Left as it is.
    batch
        See :mod:`~nni_nasplus.proxies.examples`.
    generator
        Draws the labels that the batch has not; None for a generator of seed 0.
    """
    return sum(float(gradient.norm()) for _, gradient in _gradients(network, batch, generator))


def snip(network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
    """Return ``Σ |w ∂L/∂w|`` over all matrices w, L the mean cross-entropy; 0 or more, higher is better.

    Parameters
    ----------
    network
        Left as it is.
    batch
        See :mod:`~nni_nasplus.proxies.examples`.
    generator
        Draws the labels that the batch has not; None for a generator of seed 0.
    """
    return sum(float((weight * gradient).abs().sum()) for weight, gradient in _gradients(network, batch, generator))


def _gradients(network: nn.Module, batch: Any, generator: torch.Generator | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each matrix with its gradient."""
    copy = scored_copy(network, double=False)
    value = loss(copy, matched(batch, copy), generator or torch.Generator().manual_seed(0))
    weights = list(matrices(copy).values())
    gradients = torch.autograd.grad(value, weights, materialize_grads=True)
    return zip((weight.detach() for weight in weights), gradients, strict=True)
