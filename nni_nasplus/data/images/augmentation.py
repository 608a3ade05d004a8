"""Random changes to images that keep their classes, each a function of an explicit generator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nni_nasplus.errors import UserError

__all__ = ["Augmentation", "cutout", "random_crop", "random_flip"]


@dataclass(frozen=True)
class Augmentation:
    """How training images are changed; the defaults are those of DARTS on CIFAR-10 (arXiv 1806.09055), less cutout.

    Parameters
    ----------
    crop
        Pixels of black around an image, of which one as large as before is cut out at random; 0 for none.
    flip
        Whether half of the images, at random, are mirrored left to right.
    cutout
        The side in pixels of a square at a random place that is set to the mean colour; 0 for none.

    Raises
    ------
    UserError
        If a number is negative.
    """

    crop: int = 4
    flip: bool = True
    cutout: int = 0

    def __post_init__(self) -> None:
        for name in ("crop", "cutout"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} is {getattr(self, name)}; use 0 or more pixels")

    def moved(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images [B, C, H, W], in which 0 is black, cropped and mirrored."""
        if self.crop:
            images = random_crop(images, self.crop, generator)
        return random_flip(images, generator) if self.flip else images

    def hidden(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images [B, C, H, W], in which 0 is the mean colour, with their squares."""
        return cutout(images, self.cutout, generator) if self.cutout else images


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """[B, C, H, W]: each image moved by −``padding`` to ``padding`` pixels along both sides; zeros come in."""
    count, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, [padding] * 4).permute(0, 2, 3, 1)
    top, left = torch.randint(2 * padding + 1, (2, count, 1), generator=generator)
    rows, columns = top + torch.arange(height), left + torch.arange(width)
    image = torch.arange(count)[:, None, None]
    return padded[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """[B, C, H, W]: each image mirrored left to right with probability ½."""
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def cutout(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """[B, C, H, W]: a square around a random pixel of each image is 0; the border cuts it (arXiv 1708.04552)."""
    rows, columns = (_band(extent, side, len(images), generator) for extent in images.shape[2:])
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


def _band(extent: int, side: int, count: int, generator: torch.Generator) -> Tensor:
    """[count, extent]: true at ``side`` places from ``side`` // 2 before a random one on."""
    first = torch.randint(extent, (count, 1), generator=generator) - side // 2
    place = torch.arange(extent)
    return (first <= place) & (place < first + side)
