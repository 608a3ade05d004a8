"""The head: a sequence to class logits (SeqNAS, arXiv 2401.03246)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

__all__ = ["AttentionPooling", "Head", "pool"]


def pool(x: Tensor, mask: Tensor, kind: str) -> Tensor:
    """[B, L, D] to [B, D]: the mean, the max, half of each (mixed), or the last step, of the steps of mask [B, L].

    Each row of the mask needs a true step, and its true steps come first.
    """
    keep = mask.unsqueeze(-1)
    if kind == "max":
        return x.masked_fill(~keep, -torch.inf).amax(1)
    if kind == "last":
        last = (mask.sum(1) - 1).view(-1, 1, 1).expand(-1, 1, x.shape[-1])
        return x.gather(1, last).squeeze(1)
    mean = x.masked_fill(~keep, 0.0).sum(1) / keep.sum(1)
    return mean if kind == "mean" else (mean + pool(x, mask, "max")) / 2


class AttentionPooling(nn.Module):
    """[B, L, D] to [B, D]: the mean of the steps, weighted by a softmax of a learned linear score of each.

    At first all scores are 0, and it is the mean.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        weights = self.score(x).masked_fill(~mask.unsqueeze(-1), -torch.inf).softmax(1)
        return (weights * x.masked_fill(~mask.unsqueeze(-1), 0.0)).sum(1)


class Head(nn.Module):
    """Mish → dropout of whole time steps → pooling over the steps of the mask → Linear to the classes."""

    def __init__(self, width: int, n_classes: int, pooling: str, step_dropout: float) -> None:
        super().__init__()
        self.activation = nn.Mish()
        self.step_dropout = nn.Dropout1d(step_dropout)
        self.pool = AttentionPooling(width) if pooling == "attention" else partial(pool, kind=pooling)
        self.classify = nn.Linear(width, n_classes)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.classify(self.pool(self.step_dropout(self.activation(x)), mask))
