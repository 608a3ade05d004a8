"""The arrays of prepared images, memory-mapped and shared by all trials."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nni_nasplus.data.mapped_arrays import MappedArrays

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


@dataclass(frozen=True, kw_only=True)
class ImageArrays(MappedArrays):
    """N labelled images."""

    absent = "holds no prepared images: run prepare_images first"
    images: NDArray[Any]
    """[N, S, S, C] uint8 or float32, not normalised."""
    label: NDArray[np.int64]
    """[N] class."""


def as_tensor(images: NDArray[Any]) -> Tensor:
    """[B, H, W, C] → [B, C, H, W] float32, with the same values."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float()
