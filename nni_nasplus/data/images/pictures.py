"""Picture files, and images of one size."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from nni_nasplus._progress import progress_bar
from nni_nasplus.data.images.arrays import as_tensor
from nni_nasplus.errors import UserError, some

__all__ = ["is_picture", "read_pictures", "squared"]

logger = logging.getLogger(__name__)
_SUFFIXES = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".avif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm"),
)
_GREY = ("1", "L", "LA", "La")
"""Pillow's modes without colour."""
_DEEP = ("I", "F")
"""How Pillow's modes of more than 8 bits a channel begin, which its conversion to 8 would clip."""
_AT_ONCE = 64
"""Images that are scaled at a time: as float32 all of them would take four times the memory."""


def is_picture(path: PurePath) -> bool:
    """Whether a file's name is that of a picture."""
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def read_pictures(
    paths: Sequence[Path],
    *,
    channels: int | None = None,
    size: int | None = None,
    skip_damaged: bool = False,
    progress: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Read pictures as people see them: turned as their EXIF says, on white where they are transparent.

    Of an animated one it is the first frame.

    Parameters
    ----------
    channels
        1 for grey, 3 for colour; where None, pictures are grey if all of them are.
    size
        What :func:`squared` is told; where None, all pictures must be of one size.
    skip_damaged
        Whether those that cannot be read are left out, which the log says in a line.
    progress
        Whether to show a progress bar.

    Returns
    -------
    The places of those that were read in ``paths`` [N], and the pictures as one array [N, H, W, C].

    Raises
    ------
    UserError
        If files cannot be read or have more than 8 bits a channel, all of which are counted; or one differs from the
        first in size.
    """
    images: dict[int, NDArray[np.uint8]] = {}
    damaged: dict[Path, str] = {}
    with progress_bar("reading", len(paths), "pictures", shown=progress) as advance:
        for place, path in enumerate(paths):
            try:
                image = _pixels(path, channels)
                images[place] = image if size is None else squared(image[None], size)[0]
            except _Unreadable as error:
                damaged[path] = str(error)
            advance(1)
    _tell_damaged(damaged, len(paths), skip=skip_damaged)
    _require_one_size([paths[place] for place in images], list(images.values()))
    widest = max(image.shape[2] for image in images.values())
    same = [np.broadcast_to(image, (*image.shape[:2], widest)) for image in images.values()]
    return np.array(list(images)), np.stack(same)


class _Unreadable(Exception):
    """Why a picture cannot be read."""


def _pixels(path: Path, channels: int | None) -> NDArray[np.uint8]:
    """[H, W, 1 or 3]."""
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")  # of odd metadata, which change no pixel, and of large sizes
            mode = picture.mode
            grey = mode in _GREY if channels is None else channels == 1
            pixels = np.array(_on_white(ImageOps.exif_transpose(picture)).convert("L" if grey else "RGB"))
    except Exception as error:  # noqa: BLE001 - decoders of damaged files raise anything
        raise _Unreadable(_reason(error)) from None
    if mode.startswith(_DEEP):
        raise _Unreadable("more than 8 bits a pixel: convert it, or give an .npz archive")
    return pixels[..., None] if grey else pixels


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # whose text is the path once more
        return "no picture"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    covered = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", covered.size, "white"), covered)


def _tell_damaged(damaged: Mapping[Path, str], count: int, *, skip: bool) -> None:
    """Name pictures that cannot be read; only a line in the log where they are to be left out and others remain."""
    if not damaged:
        return
    which = some([f"{path} ({reason})" for path, reason in damaged.items()])
    what = f"{len(damaged)} of {count} pictures cannot be read"
    if not skip or len(damaged) == count:
        raise UserError(f"{what}: {which}; mend or remove them, or leave them out with --skip-damaged")
    logger.warning("%s and are left out: %s", what, which)


def _require_one_size(paths: Sequence[Path], images: Sequence[NDArray[np.uint8]]) -> None:
    for path, image in zip(paths, images, strict=True):
        if image.shape[:2] != images[0].shape[:2]:
            one, other = ("×".join(map(str, sides.shape[:2])) for sides in (image, images[0]))
            raise UserError(f"{path} is {one} pixels, {paths[0]} is {other}: set a size to bring them to with --size")


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
