"""What the sandwich of BigNAS needs: a distance to what the largest says, who is regularised, a start as shortcuts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from nni_nasplus.data.link import Link
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.training.distillation.loss import half_squared_error, softened_divergence

__all__ = ["decay", "distance", "start_as_shortcuts", "unregularised"]

_DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d)


def distance(output: Tensor, taught: Tensor, link: Link) -> Tensor:
    """The mean distance of outputs [..., C] from those of a teacher, a scalar.

    KL(teacher ‖ student) of classes that exclude each other, the cross-entropy of labels that do not, and half the
    squared error of numbers.
    """
    if link == "softmax":
        return softened_divergence(output, taught, 1.0).mean()
    if link == "sigmoid":
        return binary_cross_entropy_with_logits(output, taught.sigmoid())
    return half_squared_error(output, taught).mean()


@contextmanager
def unregularised(network: nn.Module) -> Iterator[None]:
    """Without dropout, for a while."""
    dropping = [module for module in network.modules() if isinstance(module, _DROPOUTS) and module.training]
    for module in dropping:
        module.eval()
    try:
        yield
    finally:
        for module in dropping:
            module.train()


def decay(weights: Iterable[nn.Parameter], amount: float, optimizer: str, rate: float) -> None:
    """Weight decay of some weights, as the optimiser has it for all: AdamW's is apart from the gradient.

    Parameters
    ----------
    weights
        With gradients.
    optimizer
        ``sgd`` or ``adamw``.
    rate
        The learning rate.
    """
    with torch.no_grad():
        for weight in weights:
            if optimizer == "adamw":
                weight.mul_(1 - rate * amount)
            elif weight.grad is not None:
                weight.grad.add_(weight, alpha=amount)


def start_as_shortcuts(supernet: Supernet, largest: Mapping[str, Any]) -> None:
    """Let each residual block of the largest path hand on its input: the scale of its ``last_norm`` becomes 0.

    Blocks without a ``last_norm``, or where that has no scale, stay as they are.
    """
    with supernet.only(largest), torch.no_grad():
        for module in supernet.modules():
            norm = getattr(module, "last_norm", None)
            if isinstance(norm, nn.Module) and isinstance(norm.weight, Tensor):
                norm.weight.zero_()
