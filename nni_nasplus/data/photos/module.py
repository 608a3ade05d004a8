"""Prepared photographs as a Lightning data module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nni_nasplus.data.cache import map_array
from nni_nasplus.data.images.arrays import as_tensor
from nni_nasplus.data.photos.encoder import PhotoEncoder, PhotoShape
from nni_nasplus.data.row_batches import DrawnBatches
from nni_nasplus.errors import UserError

__all__ = ["PhotoBatch", "PhotoDataModule"]


class PhotoBatch(NamedTuple):
    """B pictures, small and as they were."""

    low: Tensor
    """[B, C, h, w] float32 in [0, 1]."""
    label: Tensor
    """[B, C, h · factor, w · factor], likewise."""


class PhotoDataModule(LightningDataModule):
    """Batches of a cache written by ``prepare_photos``.

    Parameters
    ----------
    cache
        The prepared folder.
    batch_size
        Patches of a training batch; whole pictures come one by one.
    patch
        Height and width of small patches.
    patches
        How many an epoch has, drawn anew in each: of which picture by its area, where in it, mirrored and turned.
    seed
        Fixes them.

    Raises
    ------
    UserError
        If the folder holds no prepared photographs.
    """

    def __init__(
        self, cache: str | Path, batch_size: int = 16, patch: int = 24, patches: int = 800, seed: int = 0
    ) -> None:
        super().__init__()
        self.cache = Path(cache)
        self.batch_size, self.patch, self.patches, self.seed = batch_size, patch, patches, seed
        self.encoder = PhotoEncoder.load(self.cache)

    @property
    def shape(self) -> PhotoShape:
        """What fixes a network."""
        return self.encoder.shape

    def train_dataloader(self) -> DataLoader[PhotoBatch]:
        """Patches of the photographs to learn from."""
        return self.drawn("train")

    def drawn(self, split: str) -> DataLoader[PhotoBatch]:
        """Patches of a split."""
        sampler = _Drawn(np.arange(self.patches), self.batch_size, self.seed)
        pictures = _Patches(_pairs(self.cache / split), self.patch, self.shape.scale_factor)
        return DataLoader(pictures, batch_size=None, sampler=sampler, collate_fn=_identity)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[PhotoBatch]:
        """Whole pictures to validate on, in order."""
        return self._whole("val")

    def test_dataloader(self) -> DataLoader[PhotoBatch]:
        """Whole pictures to test on, in order."""
        return self._whole("test")

    def _whole(self, split: str) -> DataLoader[PhotoBatch]:
        return DataLoader(_Whole(_pairs(self.cache / split)), batch_size=None, collate_fn=_identity)  # type: ignore[arg-type]


Pair = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def _pairs(folder: Path) -> list[Pair]:
    """Small and whole, [h, w, C] and [H, W, C]."""
    count = len(list(folder.glob("*_high.npy")))
    if not count:
        raise UserError(f"{folder} holds no prepared photographs: run prepare_photos first")
    return [(map_array(folder / f"{i}_low.npy"), map_array(folder / f"{i}_high.npy")) for i in range(count)]


class _Drawn(DrawnBatches[tuple[int, int]]):
    """The number of patches of each batch, and the seed of what is random in it."""

    def draw(self, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
        for rows in np.array_split(self.rows, len(self)):
            yield len(rows), int(rng.integers(2**62))


class _Patches(Dataset[PhotoBatch]):
    """Indexed by the draw of a batch."""

    def __init__(self, pairs: list[Pair], patch: int, factor: int) -> None:
        self.pairs, self.patch, self.factor = pairs, patch, factor
        areas = np.array([low.shape[0] * low.shape[1] for low, _ in pairs], dtype=float)
        self.shares = areas / areas.sum()

    def __getitem__(self, draw: tuple[int, int]) -> PhotoBatch:
        count, seed = draw
        rng = np.random.default_rng(seed)
        patches = [self._patch(rng) for _ in range(count)]
        low, high = (np.stack([pair[which] for pair in patches]) for which in (0, 1))
        return PhotoBatch(as_tensor(low) / 255, as_tensor(high) / 255)

    def _patch(self, rng: np.random.Generator) -> Pair:
        low, high = self.pairs[rng.choice(len(self.pairs), p=self.shares)]
        top, left = (int(rng.integers(side - self.patch + 1)) for side in low.shape[:2])
        mirrored, turns = bool(rng.integers(2)), int(rng.integers(4))
        corners = ((low, 1), (high, self.factor))
        cut = [one[top * f : (top + self.patch) * f, left * f : (left + self.patch) * f] for one, f in corners]
        small, large = (np.rot90(one[:, ::-1] if mirrored else one, turns) for one in cut)
        return small, large


class _Whole(Dataset[PhotoBatch]):
    def __init__(self, pairs: list[Pair]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, place: int) -> PhotoBatch:
        low, high = (torch.from_numpy(np.array(one[None])) for one in self.pairs[place])
        return PhotoBatch(*(one.permute(0, 3, 1, 2).float() / 255 for one in (low, high)))


def _identity(batch: PhotoBatch) -> PhotoBatch:
    return batch
