"""Prepared images as a Lightning data module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, Sampler

from nni_nasplus.data.cache import SPLITS
from nni_nasplus.data.images.arrays import ImageArrays, ImageBatch, ImageShape, as_tensor
from nni_nasplus.data.images.augmentation import Augmentation
from nni_nasplus.data.images.encoder import ImageEncoder
from nni_nasplus.data.row_batches import DrawnBatches, RowBatches
from nni_nasplus.errors import UserError

__all__ = ["ImageDataModule"]

_FEWEST = 2
"""The fewest images of a batch of which batch norm knows a variance."""


class ImageDataModule(LightningDataModule):
    """Batches of a cache written by ``prepare_images``.

    Parameters
    ----------
    cache
        The prepared folder.
    batch_size
        The most images of a batch; those of training are equally large, but for one image.
    augmentation
        How training images are changed; None for not at all.
    seed
        Fixes the training batches of every epoch, and what is random in them.
    train
        The splits whose images are trained on.

    Raises
    ------
    UserError
        If the folder holds no prepared images, or ``batch_size`` is less than 2.
    """

    def __init__(
        self,
        cache: str | Path,
        batch_size: int = 96,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        train: Sequence[str] = ("train",),
    ) -> None:
        super().__init__()
        if batch_size < _FEWEST:
            raise UserError(f"batch_size is {batch_size}; use {_FEWEST} or more")
        self.cache = Path(cache)
        self.batch_size = batch_size
        self.augmentation = augmentation
        self.seed = seed
        self.train = tuple(train)
        self.arrays = ImageArrays.open(self.cache)
        self.encoder = ImageEncoder.load(self.cache)

    @property
    def shape(self) -> ImageShape:
        """The constants that fix a network's sizes."""
        return self.encoder.shape

    @property
    def sizes(self) -> dict[str, int]:
        """Images per split."""
        return {split: len(self.arrays.rows(split)) for split in SPLITS}

    def train_dataloader(self) -> DataLoader[ImageBatch]:
        """Shuffled and augmented anew in each epoch."""
        return self._loader(_Shuffled(self.arrays.rows(*self.train), self.batch_size, self.seed), self.augmentation)

    def val_dataloader(self) -> DataLoader[ImageBatch]:
        """Validation images as they are, in row order."""
        return self.ordered("val")

    def test_dataloader(self) -> DataLoader[ImageBatch]:
        """Test images as they are, in row order."""
        return self.ordered("test")

    def ordered(self, *splits: str) -> DataLoader[ImageBatch]:
        """Images of a split, or of several, as they are, in row order."""
        return self._loader(_InOrder(self.arrays.rows(*splits), self.batch_size))

    def _loader(self, draws: Sampler[_Draw], augmentation: Augmentation | None = None) -> DataLoader[ImageBatch]:
        images = _Images(self.arrays, self.encoder, augmentation)
        return DataLoader(images, batch_size=None, sampler=draws, collate_fn=_identity)  # type: ignore[arg-type]


class _Draw(NamedTuple):
    """The rows of a batch, and the seed of what is random in it."""

    rows: NDArray[np.int64]
    seed: int = 0


class _Shuffled(DrawnBatches[_Draw]):
    """Batches of nearly equal size, every row once in an epoch."""

    def draw(self, rng: np.random.Generator) -> Iterator[_Draw]:
        for rows in np.array_split(rng.permutation(self.rows), len(self)):
            yield _Draw(rows, int(rng.integers(2**62)))


class _InOrder(RowBatches[_Draw]):
    """Batches of rows in order."""

    def __iter__(self) -> Iterator[_Draw]:
        for start in range(0, len(self.rows), self.batch_size):
            yield _Draw(self.rows[start : start + self.batch_size])


class _Images(Dataset[ImageBatch]):
    """Indexed by the draw of a batch."""

    def __init__(self, arrays: ImageArrays, encoder: ImageEncoder, augmentation: Augmentation | None) -> None:
        self.arrays = arrays
        self.encoder = encoder
        self.augmentation = augmentation

    def __getitem__(self, draw: _Draw) -> ImageBatch:
        images = as_tensor(self.arrays.images[draw.rows])
        label = torch.from_numpy(self.arrays.label[draw.rows])
        if self.augmentation is None:
            return ImageBatch(self.encoder.normalised(images), label)
        generator = torch.Generator().manual_seed(draw.seed)
        images = self.encoder.normalised(self.augmentation.moved(images, generator))
        return ImageBatch(self.augmentation.hidden(images, generator), label)


def _identity(batch: ImageBatch) -> ImageBatch:
    return batch
