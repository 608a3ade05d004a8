"""The temporal encoding: when an event was, and how long before the last one.

SeqNAS (arXiv 2401.03246) adds one sinusoid of a time in [0, 1], nearly constant. Ours is periodic at the
scales of the data, and knows the gaps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch

__all__ = ["TemporalEncoding"]


class TemporalEncoding(nn.Module):
    """The vector [B, L, D] to add to each event, a linear map of its time features.

    ``periods``: P time scales as fractions of the training span, perhaps none. The 2·P + 2 features are the sines and
    cosines of ``time`` at them, log(1 + gap to the previous event), log(1 + gaps until the last event).
    """

    def __init__(self, periods: Sequence[float], width: int) -> None:
        super().__init__()
        self.frequencies = [2 * math.pi / period for period in periods]
        self.project = nn.Linear(2 * len(periods) + 2, width)

    def forward(self, batch: EventBatch) -> Tensor:
        until_last = batch.gap.flip(1).cumsum(1).flip(1) - batch.gap
        gaps = torch.stack([batch.gap, until_last.clamp(min=0)], -1).log1p()
        if not self.frequencies:
            return self.project(gaps)
        angles = batch.time.unsqueeze(-1) * batch.time.new_tensor(self.frequencies)
        return self.project(torch.cat([angles.sin(), angles.cos(), gaps], -1))
