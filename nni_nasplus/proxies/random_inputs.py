"""Random examples for the networks of a space."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace

__all__ = ["random_batch"]

_TOKENS = 35
"""The length of a text: the tokens that the language models of ENAS and DARTS are trained through at a time."""


def random_batch(space: NetworkSpace, count: int, generator: torch.Generator) -> Any:
    """Draw random examples of the kind and size that the space's ``example`` has.

    Numbers are of N(0, 1). Codes are uniform: of tokens, 35 a text, below ``space.vocabulary``, of categories below
    ``space.shape.cardinalities``. Events are spread uniformly over the time span.

    Parameters
    ----------
    space
        Its networks are what the examples are for.
    count
        How many examples to draw.
    generator
        What they are drawn from.

    Raises
    ------
    UserError
        If the example is of none of these kinds.
    """
    example = space.example()
    if isinstance(example, EventBatch):
        return _events(space.shape, count, generator)
    if isinstance(example, Tensor) and example.is_floating_point():
        return torch.randn(count, *example.shape[1:], generator=generator)
    if isinstance(example, Tensor) and hasattr(space, "vocabulary"):
        return torch.randint(space.vocabulary, (_TOKENS, count), generator=generator)
    raise UserError(f"no random inputs for {type(space).__name__}; give its networks a batch of your data")


def _events(shape: EventShape, count: int, generator: torch.Generator) -> EventBatch:
    length = shape.max_length
    columns = [torch.randint(codes, (count, length, 1), generator=generator) for codes in shape.cardinalities]
    time = torch.rand(count, length, generator=generator).sort(1).values
    gap = time.diff(dim=1, prepend=time[:, :1])
    return EventBatch(
        categorical=torch.cat(columns, 2) if columns else torch.zeros(count, length, 0, dtype=torch.long),
        numeric=torch.randn(count, length, shape.n_numeric, generator=generator),
        time=time,
        gap=gap * length,
        mask=torch.ones(count, length, dtype=torch.bool),
        label=torch.full((count,), -1),
        row=torch.arange(count),
    )
