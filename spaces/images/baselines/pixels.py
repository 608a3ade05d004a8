"""Boosted trees on the pixels of small pictures, as a network that fits itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nni_nasplus.data.images.arrays import ImageBatch, ImageShape
from nni_nasplus.data.images.module import ImageDataModule
from nni_nasplus.networks.plain_space import PlainSpace
from nni_nasplus.spaces.boosting.growing import grow
from nni_nasplus.spaces.boosting.trees import TreeEnsemble

__all__ = ["BoostedPixels", "BoostedPixelsNet", "are_few"]

_MOST = 10_240
"""Pixels times classes, as of 32×32 grey ones of ten: trees grow by class, and each looks at all pixels."""
_CHOICES: dict[str, list[Any]] = {"learning_rate": [0.1, 0.2], "max_leaf_nodes": [15, 7]}


def are_few(shape: ImageShape) -> bool:
    """Whether trees on pixels grow in no more time than networks are trained."""
    return _numbers(shape) * shape.classes <= _MOST


class BoostedPixelsNet(nn.Module):
    """Images [B, C, S, S] → pixels → boosted trees → logits [B, classes]; no gradient trains it.

    Parameters
    ----------
    shape
        The sizes of the images.
    learning_rate
        What part of a tree's values is added.
    max_leaf_nodes
        The most leaves of a tree.
    """

    def __init__(self, shape: ImageShape, learning_rate: float = 0.1, max_leaf_nodes: int = 15) -> None:
        super().__init__()
        self.settings = {"learning_rate": learning_rate, "max_leaf_nodes": max_leaf_nodes}
        self.trees = TreeEnsemble(_numbers(shape), shape.classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes]."""
        return self.trees.logits(images.flatten(1))

    @property
    def rounds(self) -> int:
        """The iterations whose trees it has."""
        return self.trees.iterations

    def fit_to(self, data: ImageDataModule, seed: int, rounds: int | None = None) -> None:
        """Grow trees on the training images as they are until they no longer get better on the validation images.

        Parameters
        ----------
        data
            Of the training and the validation images.
        seed
            Fixes which pixels each split chooses among.
        rounds
            So many iterations, whatever the validation images say.
        """
        table, label = _table(data.ordered(*data.train))
        held_table, held_label = (None, None) if rounds is not None else _table(data.val_dataloader())
        grow(self.trees, table, held_table, [(label, held_label)], {**self.settings, "random_state": seed}, rounds)


class BoostedPixels(PlainSpace):
    """Gradient boosting on pixels, tuned: images [B, C, S, S] to logits [B, classes].

    Parameters
    ----------
    classes, in_channels, size
        The constants of prepared images: see :class:`~nni_nasplus.data.images.arrays.ImageShape`.
    """

    def __init__(self, classes: int, in_channels: int, size: int) -> None:
        super().__init__()
        self.shape = ImageShape(classes, in_channels, size)
        self._tune("boosting", _CHOICES)

    def _network(self, architecture: Mapping[str, Any]) -> BoostedPixelsNet:
        return BoostedPixelsNet(self.shape, **architecture)

    def example(self) -> Tensor:
        """Make one black image [1, in_channels, size, size]."""
        return torch.zeros(1, self.shape.in_channels, self.shape.size, self.shape.size)

    def _steps(self, architecture: Mapping[str, Any]) -> list[str]:
        trees = f"trees of {architecture['max_leaf_nodes']} leaves, learning rate {architecture['learning_rate']}"
        return ["image", f"{_numbers(self.shape)} pixels", trees, f"{self.shape.classes} classes"]


def _numbers(shape: ImageShape) -> int:
    return shape.in_channels * shape.size**2


def _table(batches: DataLoader[ImageBatch]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The pixels [N, C·S·S] and the classes [N] of all images."""
    parts = [(batch.images.flatten(1), batch.label) for batch in batches]
    table, label = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return table, label
