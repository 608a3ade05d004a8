"""The head: a sequence to class logits (SeqNAS, arXiv 2401.03246)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Head", "pool"]


def pool(x: Tensor, mask: Tensor, kind: str) -> Tensor:
    """[B, L, D] to [B, D]: the mean, the max, or (mixed) half of each, over the steps of mask [B, L].

    Each row of the mask needs a true step.
    """
    keep = mask.unsqueeze(-1)
    if kind == "max":
        return x.masked_fill(~keep, -torch.inf).amax(1)
    mean = x.masked_fill(~keep, 0.0).sum(1) / keep.sum(1)
    return mean if kind == "mean" else (mean + pool(x, mask, "max")) / 2


class Head(nn.Module):
    """Mish → dropout of whole time steps → pooling over the steps of the mask → Linear to the classes."""

    def __init__(self, width: int, n_classes: int, pooling: str, step_dropout: float) -> None:
        super().__init__()
        self.pooling = pooling
        self.activation = nn.Mish()
        self.step_dropout = nn.Dropout1d(step_dropout)
        self.classify = nn.Linear(width, n_classes)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.classify(pool(self.step_dropout(self.activation(x)), mask, self.pooling))
