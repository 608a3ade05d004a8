"""The α of a supernet, weights of its operations that are trained, and the mixtures that they become.

What a method computes in a training step is a list of pairs of a coefficient and a :class:`Mixture`, whose gradients
are added up: one pair of :func:`softmax` for DARTS, several paths for others. What makes such a list belongs here.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from nni_nasplus.networks.supernet import Mixture, Supernet

__all__ = ["entropy", "new_alphas", "softmax"]

_SPREAD = 1e-3
"""So small that all operations weigh the same at first (DARTS, arXiv 1806.09055, code)."""


def new_alphas(supernet: Supernet, generator: torch.Generator) -> nn.ParameterDict:
    """The α of a supernet by kind of cell, [E, O] each of 0.001 · N(0, 1); a module of its own, for an optimiser."""
    shapes = {cell: mask.shape for cell, mask in supernet.masks.items()}
    return nn.ParameterDict({cell: _SPREAD * torch.randn(shape, generator=generator) for cell, shape in shapes.items()})


def softmax(supernet: Supernet, alphas: Mapping[str, Tensor]) -> Mixture:
    """The softmax of α over what is alive on each edge; weight 0, and not computed, where pruned."""
    active = {cell: mask.clone() for cell, mask in supernet.masks.items()}
    weights = {cell: _masked_softmax(alpha, active[cell].to(alpha.device)) for cell, alpha in alphas.items()}
    return Mixture(weights, active)


def _masked_softmax(alpha: Tensor, mask: Tensor) -> Tensor:
    return alpha.masked_fill(~mask, torch.finfo(alpha.dtype).min).softmax(-1) * mask


def entropy(mixture: Mixture) -> dict[str, Tensor]:
    """The entropy of each edge's weights in nats by kind of cell, [E]: from ln O, undecided, to 0."""
    return {cell: torch.special.entr(weights).sum(-1) for cell, weights in mixture.weights.items()}
