"""What a table of one row a user would say of a history: counts, last and first values, statistics."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.events.columns import UNKNOWN

__all__ = ["Aggregates"]

CODES = 255
"""Codes that are told apart as last and first ones; rarer ones count as unknown. Trees of categories take no more."""
MOST_CODES = 64
"""Codes of a column that are counted, the most frequent ones: more are mostly zeros, and cost memory and time."""
_STATISTICS = ("mean", "deviation", "least", "most", "sum")


class Aggregates(nn.Module):
    """An ``EventBatch`` of B users to [B, F] float32: one row of F numbers for each history; it learns nothing.

    They are the number of events; of each categorical column how many events have each of its first ``MOST_CODES``
    codes, and the last, the last but one and the first code; of each number its last and first value, mean, standard
    deviation, least, most, sum and last change; the same statistics and the last value of the gaps between events; and
    the time of the last event. What a history is too short for is NaN, which trees take for missing.

    Padding, its amount and its content, never changes a value: sums are taken in float64, whose rounding is lost when
    they become float32, for the step of a tree has no tolerance.

    Parameters
    ----------
    shape
        The sizes of the data.
    """

    def __init__(self, shape: EventShape) -> None:
        super().__init__()
        self.counted = tuple(min(n, MOST_CODES) for n in shape.cardinalities)
        self.n_numeric = shape.n_numeric

    @property
    def names(self) -> list[str]:
        """What each of the F numbers is, columns numbered from 1 as the data have them."""
        columns = range(1, len(self.counted) + 1)
        numbers = range(1, self.n_numeric + 1)
        return [
            "number of events",
            *(f"category {j}: events of code {code}" for j in columns for code in range(self.counted[j - 1])),
            *(f"category {j}: {place} code" for place in ("last", "last but one", "first") for j in columns),
            *(f"number {j}: {place}" for place in ("last", "first", "last change", *_STATISTICS) for j in numbers),
            *(f"gap: {place}" for place in ("last", *_STATISTICS)),
            "time of the last event",
        ]

    @property
    def categories(self) -> list[bool]:
        """Of each of the F numbers whether it is a code."""
        return [name.endswith(" code") for name in self.names]

    def forward(self, batch: EventBatch) -> Tensor:
        mask = batch.mask
        last = mask.sum(1) - 1
        time, gap = batch.time.unsqueeze(-1), batch.gap.unsqueeze(-1)
        later = mask & (mask.long().cumsum(1) > 1)
        parts = [
            last.unsqueeze(-1) + 1,
            *self._counts(batch.categorical, mask),
            *(_at(_common(batch.categorical), place) for place in (last, last - 1, last * 0)),
            *self._numbers(batch.numeric, mask, last),
            _at(gap, last.masked_fill(last == 0, -1)),
            *_statistics(gap, later),
            _at(time, last),
        ]
        return torch.cat([part.float() for part in parts], -1)

    def _counts(self, categorical: Tensor, mask: Tensor) -> Iterator[Tensor]:
        """Of each column [B, codes]; one column at a time, so that [B, L, codes] is the most memory taken."""
        for j, codes in enumerate(self.counted):
            same = categorical[..., j, None] == torch.arange(codes, device=mask.device)
            yield (same & mask.unsqueeze(-1)).sum(1)

    def _numbers(self, numeric: Tensor, mask: Tensor, last: Tensor) -> Iterator[Tensor]:
        yield from (_at(numeric, last), _at(numeric, last * 0), _at(numeric, last) - _at(numeric, last - 1))
        yield from _statistics(numeric, mask)


def _common(categorical: Tensor) -> Tensor:
    return categorical.masked_fill(categorical >= CODES, UNKNOWN)


def _at(x: Tensor, place: Tensor) -> Tensor:
    """[B, n] of ``x`` [B, L, n] at a step [B] of each user; NaN where it is negative."""
    index = place.clamp(min=0).view(-1, 1, 1).expand(-1, 1, x.shape[-1])
    return x.gather(1, index).squeeze(1).float().masked_fill(place.unsqueeze(-1) < 0, torch.nan)


def _statistics(x: Tensor, mask: Tensor) -> Iterator[Tensor]:
    """``_STATISTICS`` [B, n] of ``x`` [B, L, n] over the steps of a mask [B, L]; NaN where it has none."""
    keep = mask.unsqueeze(-1)
    count = keep.sum(1)
    wide = x.masked_fill(~keep, 0.0).to(torch.float32 if x.device.type == "mps" else torch.float64)
    mean = wide.sum(1) / count
    yield mean
    yield ((wide - mean.unsqueeze(1)).masked_fill(~keep, 0.0).square().sum(1) / count).sqrt()
    yield x.masked_fill(~keep, torch.inf).amin(1).masked_fill(count == 0, torch.nan)
    yield x.masked_fill(~keep, -torch.inf).amax(1).masked_fill(count == 0, torch.nan)
    yield wide.sum(1)
