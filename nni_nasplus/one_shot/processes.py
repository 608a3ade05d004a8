"""What the processes of a search on several devices agree on, each of which has its own part of the data."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, distributed

__all__ = ["average", "mean_of", "several"]


def average(tensors: Iterable[Tensor | None]) -> None:
    """Replace gradients by their mean over all processes; None, which is None in all of them, stays."""
    if several():
        for tensor in tensors:
            if tensor is not None:
                distributed.all_reduce(tensor)
                tensor /= distributed.get_world_size()


def mean_of(value: float, device: torch.device) -> float:
    """The mean of a number over all processes."""
    if not several():
        return value
    total = torch.tensor(value, device=device)
    average([total])
    return float(total)


def several() -> bool:
    """Whether more than one process trains in step."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
