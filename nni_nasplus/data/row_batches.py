"""Which rows of prepared arrays make a batch: what the samplers of all kinds of data have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

__all__ = ["DrawnBatches", "RowBatches"]

Batch = TypeVar("Batch")
"""What names the rows of a batch: an array of them, or more than that."""


class RowBatches(Sampler[Batch]):
    """Batches of at most ``batch_size`` of the rows [N], every row in one of them."""

    def __init__(self, rows: NDArray[np.int64], batch_size: int) -> None:
        self.rows = rows
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)


class DrawnBatches(RowBatches[Batch]):
    """Batches that are drawn anew in each epoch: they are a function of (seed, epoch).

    The epoch counts up with each pass; ``set_epoch``, which Lightning calls, sets it.
    """

    def __init__(self, rows: NDArray[np.int64], batch_size: int, seed: int) -> None:
        super().__init__(rows, batch_size)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be that of an epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Batch]:
        rng = np.random.default_rng((self.seed, self.epoch))
        self.epoch += 1
        yield from self.draw(rng)

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> Iterator[Batch]:
        """The batches of one epoch, whose generator this is."""
