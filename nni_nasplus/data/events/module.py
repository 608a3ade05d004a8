"""Prepared event data as a Lightning data module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from nni_nasplus.data.cache import SPLITS
from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.sampler import BucketSampler, LengthOrder
from nni_nasplus.data.events.splits.folds import held_out
from nni_nasplus.data.targets import Target

__all__ = ["EventDataModule"]


class EventDataModule(LightningDataModule):
    """Batches of a cache written by ``prepare``.

    Parameters
    ----------
    cache
        The prepared folder.
    batch_size
        The number of users in a batch; the last one may have fewer.
    seed
        Fixes the training batches of every epoch.
    max_length
        Of a longer history the most recent events are kept. Where None, the length is the one prepared.
    train
        The splits whose users are trained on.
    fold
        Which fold of how many validates, from 0, while the others of the users who train and validate train: see
        :mod:`nni_nasplus.data.events.splits.folds`. If None, the splits are those that were prepared.

    Raises
    ------
    UserError
        If the folder is no prepared cache.
    """

    def __init__(
        self,
        cache: str | Path,
        batch_size: int = 128,
        seed: int = 0,
        max_length: int | None = None,
        train: Sequence[str] = ("train",),
        fold: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.cache = Path(cache)
        self.batch_size = batch_size
        self.seed = seed
        self.train = tuple(train)
        self.fold = fold
        self.arrays = EventArrays.open(self.cache)
        self.encoder = EventEncoder.load(self.cache)
        if fold is not None:
            self.arrays = held_out(self.cache, self.arrays, self.target, *fold)
        self.max_length = min(max_length or self.encoder.max_length, self.encoder.max_length)

    @property
    def shape(self) -> EventShape:
        """The constants that fix a model's sizes."""
        return replace(self.encoder.shape, max_length=self.max_length)

    @property
    def target(self) -> Target:
        """What is predicted."""
        return self.encoder.target

    @property
    def sizes(self) -> dict[str, int]:
        """Users per split."""
        return {split: len(self.arrays.rows(split)) for split in SPLITS}

    @property
    def class_weights(self) -> Tensor:
        """[C] float32 inverse class frequency of the training users, of mean 1; of tags how many lack each for one that
        has it [K]."""
        label = torch.from_numpy(self.arrays.label[self.arrays.rows("train")])
        if label.ndim > 1:
            return (1 - label).sum(0) / label.sum(0)
        inverse = 1 / torch.bincount(label, minlength=len(self.target.names))
        return inverse / inverse.mean()

    def train_dataloader(self) -> DataLoader[EventBatch]:
        """Batches alike in length, drawn anew each epoch."""
        rows, lengths = self._split(*self.train)
        return self._loader(BucketSampler(rows, lengths, self.batch_size, self.seed))

    def val_dataloader(self) -> DataLoader[EventBatch]:
        """Validation users in ascending length."""
        return self.ordered("val")

    def test_dataloader(self) -> DataLoader[EventBatch]:
        """Test users in ascending length."""
        return self.ordered("test")

    def ordered(self, split: str) -> DataLoader[EventBatch]:
        """Users of a split in ascending length, the same in every pass."""
        return self._loader(LengthOrder(*self._split(split), self.batch_size))

    def predict_dataloader(self) -> DataLoader[EventBatch]:
        """All users in ascending length; ``EventBatch.row`` tells the rows."""
        rows = np.arange(len(self.arrays.label))
        return self._loader(LengthOrder(rows, self.arrays.lengths(self.max_length), self.batch_size))

    def _split(self, *splits: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rows = self.arrays.rows(*splits)
        return rows, self.arrays.lengths(self.max_length)[rows]

    def _loader(self, batches: Sampler[NDArray[np.int64]]) -> DataLoader[EventBatch]:
        users = _Users(self.arrays, self.max_length)
        return DataLoader(users, batch_size=None, sampler=batches, collate_fn=_identity)  # type: ignore[arg-type]


class _Users(Dataset[EventBatch]):
    """Indexed by the rows of a batch."""

    def __init__(self, arrays: EventArrays, max_length: int) -> None:
        self.arrays = arrays
        self.max_length = max_length

    def __getitem__(self, rows: Sequence[int] | NDArray[np.int64]) -> EventBatch:
        return self.arrays.batch(rows, self.max_length)


def _identity(batch: EventBatch) -> EventBatch:
    return batch
