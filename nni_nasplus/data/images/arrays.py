"""The arrays of prepared images, memory-mapped and shared by all trials."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nni_nasplus.data.cache import SPLITS, map_array
from nni_nasplus.errors import UserError

__all__ = ["ImageArrays", "ImageBatch", "ImageShape", "as_tensor"]


class ImageBatch(NamedTuple):
    """B labelled images."""

    images: Tensor
    """[B, C, S, S] float32."""
    label: Tensor
    """[B] int64 class."""


@dataclass(frozen=True)
class ImageShape:
    """The constants of prepared images that fix a network's sizes."""

    classes: int
    in_channels: int
    """1 for grey images, 3 for colour."""
    size: int
    """Height and width."""

    def to_json(self) -> dict[str, int]:
        """The arguments of an image space."""
        return asdict(self)


@dataclass(frozen=True)
class ImageArrays:
    """N labelled images."""

    images: NDArray[Any]
    """[N, S, S, C] uint8 or float32, not normalised."""
    label: NDArray[np.int64]
    """[N] class."""
    split: NDArray[np.int8]
    """[N] position in ``SPLITS``."""

    @classmethod
    def open(cls, folder: Path) -> ImageArrays:
        """Map prepared arrays read-only; UserError where there are none."""
        try:
            return cls(**{field.name: map_array(folder / f"{field.name}.npy") for field in fields(cls)})
        except FileNotFoundError as error:
            raise UserError(f"{folder} holds no prepared images: run prepare_images first") from error

    def save(self, folder: Path) -> None:
        """Write one file for each array."""
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)

    def rows(self, *splits: str) -> NDArray[np.int64]:
        """The images of a split, or of several, in row order."""
        return np.flatnonzero(np.isin(self.split, [SPLITS.index(split) for split in splits]))


def as_tensor(images: NDArray[Any]) -> Tensor:
    """[B, H, W, C] → [B, C, H, W] float32, with the same values."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float()
