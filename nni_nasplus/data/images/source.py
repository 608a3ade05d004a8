"""Images as they come: an ``.npz`` archive of arrays, or folders of pictures."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.cache import SPLITS
from nni_nasplus.data.images.folders import labelled_pictures, part_of, pictures_below
from nni_nasplus.data.images.given import GivenImages
from nni_nasplus.data.images.pictures import read_pictures, squared
from nni_nasplus.data.stamps import stamp, stamp_of_folder
from nni_nasplus.errors import UserError, some

__all__ = ["LabelledImages", "fingerprint", "read_images", "read_new_images"]

logger = logging.getLogger(__name__)
_CHANNELS = (1, 3)
"""Grey and colour; another last axis is more likely a width than channels."""


@dataclass(frozen=True)
class LabelledImages:
    """N images and their classes."""

    images: NDArray[Any]
    """[N, S, S, C] uint8 or float32."""
    label: NDArray[np.int64]
    """[N] class."""
    split: NDArray[np.int8]
    """[N] position in ``SPLITS``; that of training where the source does not say."""
    classes: tuple[Any, ...]
    """Label values: whole numbers or texts."""


def fingerprint(source: Path | GivenImages) -> dict[str, Any]:
    """Tell this source from another by path, sizes and times of change; UserError where there is none."""
    if isinstance(source, GivenImages):
        return source.fingerprint
    if not source.exists():
        raise UserError(f"no {source}: name an .npz archive, or a folder with a folder of pictures for each class")
    return stamp_of_folder(source, pictures_below(source)) if source.is_dir() else stamp(source)


def read_images(
    source: Path | GivenImages, size: int | None = None, *, skip_damaged: bool = False, progress: bool = False
) -> LabelledImages:
    """Read a source whole; :func:`nni_nasplus.data.images.prepare_images` says what it may be.

    Raises
    ------
    UserError
        If there are no images or labels, or they do not fit together.
    """
    if isinstance(source, GivenImages):
        images, values, split = _read_given(source, size, skip_damaged, progress)
    elif source.is_dir():
        images, values, split = _read_folder(source, size, skip_damaged, progress)
    else:
        images, values, split = _read_archive(source, size)
    height, width = images.shape[1:3]
    if height != width:
        raise UserError(
            f"the images of {source} are {height}×{width} pixels: set a size to make them square with --size"
        )
    classes, label = np.unique(values, return_inverse=True)
    return LabelledImages(images, label.astype(np.int64), split, tuple(classes.tolist()))


def read_new_images(
    source: Path | GivenImages, channels: int, size: int | None, *, skip_damaged: bool = False
) -> tuple[Sequence[Any], NDArray[Any]]:
    """Read names [N] and images [N, H, W, C] of which no labels are known.

    Parameters
    ----------
    source
        An archive, of which ``x`` or else ``x_test`` is read; a picture; a folder, with all pictures below it; or
        images that are given.
    channels
        What pictures are brought to; an archive's images keep theirs.
    size
        The height and width that images are brought to; where None, they keep theirs.
    skip_damaged
        Whether pictures that cannot be read are left out.

    Raises
    ------
    UserError
        If there are no images, or they cannot be read.
    """
    if isinstance(source, GivenImages):
        read, images = _pixels(source, size, channels=channels, skip_damaged=skip_damaged)
        named = range(len(images)) if isinstance(source.images, np.ndarray) else [str(path) for path in source.images]
        return [named[place] for place in read], images
    if source.suffix == ".npz" and source.is_file():
        arrays = _load(source, lambda name: name if name in ("x", "x_test") else None)
        if not arrays:
            raise UserError(f"{source} has neither x nor x_test: name the array of images so")
        name = min(arrays)
        images = _image_array(arrays[name], name, size)
        return range(len(images)), images
    if not source.exists():
        raise UserError(f"no {source}: name an .npz archive, a picture, or a folder of pictures")
    paths = pictures_below(source) if source.is_dir() else [source]
    if not paths:
        raise UserError(f"{source} has no pictures: name an .npz archive, a picture, or a folder of pictures")
    names = [path.relative_to(source).as_posix() if source.is_dir() else path.name for path in paths]
    read, images = read_pictures(paths, channels=channels, size=size, skip_damaged=skip_damaged)
    return [names[place] for place in read], images


_Read = tuple[NDArray[Any], NDArray[Any], NDArray[np.int8]]
"""Images [N, H, W, C], label values [N], splits [N]."""


def _read_archive(path: Path, size: int | None) -> _Read:
    arrays = _load(path, _array_named)
    if missing := [name for name in ("x_train", "y_train") if name not in arrays]:
        raise UserError(f"{path} has no {missing[0]}: it needs x_train and y_train, and may have val and test likewise")
    splits = [split for split in SPLITS if f"x_{split}" in arrays]
    images = [_image_array(arrays[f"x_{split}"], f"x_{split}", size) for split in splits]
    labels = [_label_array(arrays, split) for split in splits]
    for split, part in zip(splits, images, strict=True):
        if part.shape[1:] != images[0].shape[1:]:
            raise UserError(f"images are {_form(images[0])} in x_train and {_form(part)} in x_{split}: make them alike")
    return np.concatenate(images), np.concatenate(labels), _splits(splits, [len(part) for part in images])


def _array_named(name: str) -> str | None:
    """What an array such as ``X_valid`` is called here, ``x_val``; None for other arrays."""
    kind, _, part = name.partition("_")
    split = part_of(part)
    return f"{kind.lower()}_{split}" if kind.lower() in ("x", "y") and split else None


def _load(path: Path, named: Callable[[str], str | None]) -> dict[str, NDArray[Any]]:
    """The arrays of an archive that have a name here, by it; others are told to the log in a line."""
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path} is no .npz archive: name one, written by numpy.savez, or a folder of pictures")
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = {name: called for name in archive.files if (called := named(name))}
            if len(set(names.values())) < len(names):
                raise UserError(f"{path} has {some(list(names))}, of which two are one array by their names: keep one")
            if unread := [name for name in archive.files if name not in names]:
                logger.warning("%s: arrays that are not read: %s", path, some(unread))
            return {called: archive[name] for name, called in names.items()}
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - damaged archives raise anything
        raise UserError(f"{path} cannot be read ({error}): write it by numpy.savez, without objects") from None


def _image_array(array: NDArray[Any], name: str, size: int | None) -> NDArray[Any]:
    """[N, H, W, C] uint8 or float32."""
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in _CHANNELS):
        raise UserError(f"{name} has the shape {array.shape}: use (images, height, width), and 3 after it for colour")
    if not array.size:
        raise UserError(f"{name} has no images: give some")
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise UserError(f"{name} holds something else than finite numbers: clean it")
    array = array if array.dtype == np.uint8 else array.astype(np.float32)
    array = array if array.ndim == 4 else array[..., None]
    return array if size is None else squared(array, size)


def _label_array(arrays: Mapping[str, NDArray[Any]], split: str) -> NDArray[Any]:
    """[N]; a column [N, 1] will do."""
    labels, count = arrays.get(f"y_{split}", np.empty(0)), len(arrays[f"x_{split}"])
    if labels.shape not in [(count,), (count, 1)]:
        raise UserError(f"y_{split} has the shape {labels.shape}: give one label to each of the {count} images")
    if labels.dtype.kind not in "iubU":
        raise UserError(f"y_{split} holds {labels.dtype}: use whole numbers or texts")
    return labels.ravel()


def _form(images: NDArray[Any]) -> str:
    return "×".join(map(str, images.shape[1:]))


def _read_folder(folder: Path, size: int | None, skip_damaged: bool, progress: bool) -> _Read:
    found = labelled_pictures(folder)
    paths = [picture.path for picture in found]
    read, images = read_pictures(paths, size=size, skip_damaged=skip_damaged, progress=progress)
    left = [found[place] for place in read]
    return images, np.array([picture.label for picture in left]), np.array([p.split for p in left], dtype=np.int8)


def _read_given(source: GivenImages, size: int | None, skip_damaged: bool, progress: bool) -> _Read:
    if source.labels is None:
        raise UserError("the images have no labels: give one to each")
    read, images = _pixels(source, size, skip_damaged=skip_damaged, progress=progress)
    return images, source.labels[read], np.zeros(len(images), dtype=np.int8)


def _pixels(source: GivenImages, size: int | None, **options: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """The places of what can be read [N], and the images."""
    if isinstance(source.images, np.ndarray):
        images = _image_array(source.images, str(source), size)
        return np.arange(len(images)), images
    return read_pictures(source.images, size=size, **options)


def _splits(splits: Sequence[str], counts: Sequence[int]) -> NDArray[np.int8]:
    return np.repeat(np.array([SPLITS.index(split) for split in splits], dtype=np.int8), counts)
