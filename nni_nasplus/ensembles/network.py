"""Several networks as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Ensemble"]

_LEAST = 1e-30
"""A probability whose logarithm is still finite; float32 has none below 1e-38."""


class Ensemble(nn.Module):
    """The weighted mean of what several networks say, with a temperature: a batch to logits [B, C].

    The softmax of the logits is, at temperature 1, the mean of the members' probabilities.

    Parameters
    ----------
    members
        Networks that map a batch to logits [B, C].
    weights
        Of each, of sum 1.
    temperature
        Above 1 the probabilities are more alike, below 1 less.
    """

    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float], temperature: float = 1.0) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.weights = list(weights)
        self.temperature = temperature

    def forward(self, batch: Any) -> Tensor:
        parts = [w * member(batch).softmax(-1) for w, member in zip(self.weights, self.members, strict=True)]
        return torch.stack(parts).sum(0).clamp_min(_LEAST).log() / self.temperature
