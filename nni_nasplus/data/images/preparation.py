"""Prepare images once, for all trials: split, measure, and store as mapped arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nni_nasplus.data.cache import SPLITS, Cache
from nni_nasplus.data.images.arrays import ImageArrays
from nni_nasplus.data.images.encoder import ImageEncoder
from nni_nasplus.data.images.given import GivenImages
from nni_nasplus.data.images.source import LabelledImages, fingerprint, read_images
from nni_nasplus.errors import UserError

__all__ = ["prepare_images"]

_HEADER = {"kind": "images", "version": 1}
"""To be counted up when caches of before can no longer be read."""


def prepare_images(
    source: str | Path | GivenImages,
    *,
    out: str | Path,
    size: int | None = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    skip_damaged: bool = False,
    progress: bool = True,
) -> Path:
    """Write the cache ``out`` that ``ImageDataModule`` reads, and return it; at once where it is ready.

    Parameters
    ----------
    source
        An ``.npz`` archive of ``x_train`` [N, S, S] or [N, S, S, 3] and ``y_train`` [N], and likewise of ``x_val``,
        ``y_val``, ``x_test`` and ``y_test`` if they are known; or a folder with a folder of pictures for each class,
        directly or in ``train`` and, if they are known, ``val`` and ``test``. A part may be called by another usual
        word, such as ``Valid`` or ``testing``. Or images and labels that are given:
        ``GivenImages.of(array, labels)``. All images must fit into memory.
    out
        The folder to write.
    size
        The height and width to bring images to: the shorter side is scaled, the middle of the longer one kept.
        Where None, they must be square and of one size.
    validation, test
        The shares of the training images, by class, to set aside where the source has no such images.
    seed
        Fixes which.
    skip_damaged
        Whether pictures that cannot be read are left out.
    progress
        Show a progress bar.

    Raises
    ------
    UserError
        If images are missing, unreadable, all the same or do not fit together, there is one class or a class has too
        few images, a number is out of range, or ``out`` holds something else.
    """
    _check(size, validation, test)
    source = source if isinstance(source, GivenImages) else Path(source)
    settings = {"size": size, "validation": validation, "test": test, "seed": seed, "skip_damaged": skip_damaged}
    stamp = {"source": fingerprint(source), **settings}
    cache = Cache(Path(out), _HEADER, stamp, refusal="holds no prepared images")
    return cache.prepare(lambda folder: {"sizes": _build(source, stamp, folder, progress)})


def _check(size: int | None, validation: float, test: float) -> None:
    if size is not None and size < 1:
        raise UserError(f"size is {size}; use 1 or more")
    if min(validation, test) <= 0 or validation + test >= 1:
        raise UserError(f"the shares {validation} and {test} leave nothing; use more than 0, and less than 1 together")


def _build(source: Path | GivenImages, stamp: dict[str, Any], folder: Path, progress: bool) -> dict[str, int]:
    """Write arrays and encoder; return the images per split."""
    found = read_images(source, stamp["size"], skip_damaged=stamp["skip_damaged"], progress=progress)
    rng = np.random.default_rng(stamp["seed"])
    found = _split(found, {"test": stamp["test"], "val": stamp["validation"]}, rng)
    train = found.images[found.split == 0]
    if (train == train[0]).all():
        raise UserError(f"the training images of {source} are all the same: nothing can be learnt from them")
    ImageEncoder.fit(train, found.classes, resized=stamp["size"] is not None).save(folder)
    ImageArrays(images=found.images, label=found.label, split=found.split).save(folder)
    return {split: int((found.split == number).sum()) for number, split in enumerate(SPLITS)}


def _split(found: LabelledImages, shares: dict[str, float], rng: np.random.Generator) -> LabelledImages:
    """With a share of the training images of each class, one at the least, in each split that has none."""
    missing = [name for name in shares if SPLITS.index(name) not in found.split]
    totals = _class_sizes(found, 1 + len(missing))
    split = found.split.copy()
    for number, total in enumerate(totals):
        rows = rng.permutation(np.flatnonzero((found.label == number) & (found.split == 0)))
        for place, name in enumerate(missing):
            count = min(max(1, round(shares[name] * total)), len(rows) - len(missing) + place)
            split[rows[:count]], rows = SPLITS.index(name), rows[count:]
    return replace(found, split=split)


def _class_sizes(found: LabelledImages, fewest: int) -> list[int]:
    """The training images of each class; UserError if they are too few of one, or there is one class only."""
    if len(found.classes) < 2:
        raise UserError(f"all images are of class {found.classes[0]!r}: two classes are needed")
    counts = np.bincount(found.label[found.split == 0], minlength=len(found.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < fewest:
        raise UserError(
            f"class {found.classes[rarest]!r} has {counts[rarest]} images to train on: give {fewest} or more, or leave "
            "it out"
        )
    return counts.tolist()
