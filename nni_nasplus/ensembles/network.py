"""Several networks as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.data.link import LEAST, NEAREST, Link

__all__ = ["Ensemble"]


class Ensemble(nn.Module):
    """The weighted mean of what several networks say, with a temperature: a batch to outputs [B, C].

    At temperature 1 the outputs stand for the mean of the members' probabilities, or of their numbers.

    Parameters
    ----------
    members
        Networks that map a batch to outputs [B, C].
    weights
        Of each, of sum 1.
    temperature
        Above 1 the probabilities are more alike, below 1 less.
    link
        How outputs stand for means: see :mod:`nni_nasplus.data.link`.
    """

    def __init__(
        self,
        members: Sequence[nn.Module],
        weights: Sequence[float],
        temperature: float = 1.0,
        link: Link = "softmax",
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.weights = list(weights)
        self.temperature = temperature
        self.link = link

    def forward(self, batch: Any) -> Tensor:
        parts = [w * self._mean(member(batch)) for w, member in zip(self.weights, self.members, strict=True)]
        return self._outputs(torch.stack(parts).sum(0)) / self.temperature

    def _mean(self, outputs: Tensor) -> Tensor:
        if self.link == "softmax":
            return outputs.softmax(-1)
        return outputs.sigmoid() if self.link == "sigmoid" else outputs

    def _outputs(self, mean: Tensor) -> Tensor:
        if self.link == "softmax":
            return mean.clamp_min(LEAST).log()
        if self.link == "identity":
            return mean
        mean = mean.clamp(LEAST, 1 - NEAREST)
        return mean.log() - (1 - mean).log()
