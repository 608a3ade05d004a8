"""Picture files, and images of one size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from nni_nasplus.data.images.arrays import as_tensor
from nni_nasplus.errors import UserError

__all__ = ["is_picture", "read_pictures", "squared"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_GREY = ("1", "L", "LA")
"""Pillow's modes without colour."""
_DEEP = ("I", "F")
"""How Pillow's modes of more than 8 bits a channel begin, which its conversion to 8 would clip."""
_AT_ONCE = 64
"""Images that are scaled at a time: as float32 all of them would take four times the memory."""


def is_picture(path: Path) -> bool:
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def read_pictures(
    paths: Sequence[Path], *, channels: int | None = None, size: int | None = None, progress: bool = False
) -> NDArray[np.uint8]:
    """Read pictures as one array [N, H, W, C]: of an animated one the first frame, and of none the transparency.

    Parameters
    ----------
    channels
        1 for grey, 3 for colour; where None, pictures are grey if all of them are.
    size
        What :func:`squared` is told; where None, all pictures must be of one size.
    progress
        Whether to show a progress bar.

    Raises
    ------
    UserError
        If a file cannot be read, has more than 8 bits a channel, or differs from the first in size.
    """
    images: list[NDArray[np.uint8]] = []
    for path in tqdm(paths, "reading pictures", disable=not progress):
        image = _pixels(path, channels)
        images.append(image if size is None else squared(image[None], size)[0])
        if images[-1].shape[:2] != images[0].shape[:2]:
            one, other = ("×".join(map(str, image.shape[:2])) for image in (images[-1], images[0]))
            raise UserError(f"{path} is {one} pixels, {paths[0]} is {other}: set a size to bring them to")
    widest = max(image.shape[2] for image in images)
    return np.stack([np.broadcast_to(image, (*image.shape[:2], widest)) for image in images])


def _pixels(path: Path, channels: int | None) -> NDArray[np.uint8]:
    """[H, W, 1 or 3]."""
    try:
        with Image.open(path) as picture:
            mode = picture.mode
            grey = mode in _GREY if channels is None else channels == 1
            pixels = np.array(picture.convert("L" if grey else "RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} cannot be read ({error}): remove it") from None
    if mode.startswith(_DEEP):
        raise UserError(f"{path} has more than 8 bits a pixel: convert it, or give an .npz archive")
    return pixels[..., None] if grey else pixels


def squared(images: NDArray[Any], size: int) -> NDArray[Any]:
    """Bring images [N, H, W, C] to [N, size, size, C]: scale the shorter side, and keep the middle of the longer one.

    The type stays. The interpolation is linear, with antialiasing where it scales down.
    """
    height, width = images.shape[1:3]
    if height == width == size:
        return images
    sides = tuple(max(size, round(side * size / min(height, width))) for side in (height, width))
    top, left = ((side - size) // 2 for side in sides)
    middle = (slice(None), slice(top, top + size), slice(left, left + size))
    parts = np.array_split(images, -(-len(images) // _AT_ONCE))
    return np.concatenate([_scaled(part, sides)[middle] for part in parts])


def _scaled(images: NDArray[Any], sides: tuple[int, ...]) -> NDArray[Any]:
    scaled = torch.nn.functional.interpolate(as_tensor(images), sides, mode="bilinear", antialias=True)
    pixels = scaled.permute(0, 2, 3, 1).numpy()
    return pixels.round().clip(0, 255).astype(np.uint8) if images.dtype == np.uint8 else pixels
