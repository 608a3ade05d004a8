"""An architecture of event sequences, batches of random events, and what must not change an answer to them."""

from __future__ import annotations

import torch
from torch import nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.spaces.events.decisions import conditions, decisions

EXAMPLE = "01|1|agc1|44,12|00"
SPACES = {numeric: SearchSpace(decisions(numeric), conditions()) for numeric in (True, False)}
SHAPE = EventShape((30, 12, 5), n_numeric=3, n_classes=3, max_length=20, periods=(1.0, 0.1, 0.01))


def random_batch(shape: EventShape, users: int, length: int, seed: int = 0) -> EventBatch:
    g = torch.Generator().manual_seed(seed)
    size = (users, length)
    codes = [torch.randint(n, size, generator=g) for n in shape.cardinalities]
    lengths = torch.randint(1, length + 1, (users, 1), generator=g)
    return EventBatch(
        categorical=torch.stack(codes, -1) if codes else torch.zeros(*size, 0, dtype=torch.long),
        numeric=torch.randn(*size, shape.n_numeric, generator=g),
        time=torch.rand(size, generator=g).sort(1).values,
        gap=3 * torch.rand(size, generator=g),
        mask=torch.arange(length) < lengths,
        label=torch.randint(shape.n_classes, (users,), generator=g),
        row=torch.arange(users),
    )


def with_rubbish(batch: EventBatch, extra: int) -> EventBatch:
    """The batch with ``extra`` more padding, and nothing sane in any of it."""
    mask = nn.functional.pad(batch.mask, (0, extra))

    def spoil(x: torch.Tensor, value: float) -> torch.Tensor:
        x = torch.cat([x, x.new_zeros(x.shape[0], extra, *x.shape[2:])], 1)
        return x.masked_fill(~mask.view(*mask.shape, *[1] * (x.ndim - 2)), value)

    return batch._replace(
        categorical=spoil(batch.categorical, -(10**9)),
        numeric=spoil(batch.numeric, torch.nan),
        time=spoil(batch.time, torch.inf),
        gap=spoil(batch.gap, torch.nan),
        mask=mask,
    )


def exact(batch: EventBatch) -> EventBatch:
    """The batch in float64, where a leak shows and rounding does not."""
    return batch._replace(numeric=batch.numeric.double(), time=batch.time.double(), gap=batch.gap.double())


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    tolerance = 1e-9 if a.dtype == torch.float64 else 2e-6
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance)
