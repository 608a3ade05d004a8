"""Prepare photographs once, for all trials: read them, one after the other, split them, and make the small ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus._progress import progress_bar
from nni_nasplus.data.cache import Cache, meta_of
from nni_nasplus.data.images.arrays import as_tensor
from nni_nasplus.data.images.pictures import is_picture, read_pictures
from nni_nasplus.data.photos.encoder import PhotoEncoder, PhotoShape, as_pixels, reduced
from nni_nasplus.data.photos.sources import Source, sources_in, split_of
from nni_nasplus.data.stamps import files_below, stamp_of_folder
from nni_nasplus.errors import UserError

__all__ = ["names_in", "prepare_photos"]

_HEADER = {"kind": "photos", "version": 1}
"""To be counted up when caches of before can no longer be read."""
Photo = NDArray[np.uint8]
"""[H, W, C]."""


def prepare_photos(
    source: str | Path,
    *,
    out: str | Path,
    scale_factor: int = 2,
    patch: int = 24,
    seed: int = 0,
    progress: bool = False,
) -> Path:
    """Write the cache ``out`` that ``PhotoDataModule`` reads, and return it; at once where it is ready.

    Small pictures are made by bicubic interpolation with antialiasing, after what does not divide by the factor is cut
    off on the right and below. Those that are given in the published layout of DIV2K are taken instead:
    ``DIV2K_train_LR_bicubic/X2/0001x2.png`` of ``DIV2K_train_HR/0001.png``. One photograph at a time is in memory.

    Parameters
    ----------
    source
        A folder of photographs; or one with a folder for each part, whose names say train, valid and perhaps test, as
        in the published layout of DIV2K. Without such, 15 % of them test and 15 % validate, at least one each; of two
        one tests, and the lowest quarter of the other validates. Folders whose names say LR have small pictures alone.
    scale_factor
        How many times as large the network is to make pictures: 2, 3 or 4.
    patch
        Height and width of the small patches that networks learn from; no small picture may be smaller.
    seed
        Fixes which photographs test.
    progress
        Whether to show a progress bar.

    Raises
    ------
    UserError
        If there are fewer than two photographs, one is smaller than a patch, some are grey and some in colour, one
        cannot be read, a small one that is given is missing or of another size, or a number is out of range.
    """
    folder = Path(source)
    if scale_factor not in (2, 3, 4):
        raise UserError(f"the scale factor is {scale_factor}; use 2, 3 or 4")
    if patch < 1:
        raise UserError(f"patch is {patch}; use 1 or more")
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; name one of photographs")
    files = [path for path in files_below(folder) if is_picture(path)]
    settings = {"scale_factor": scale_factor, "patch": patch, "seed": seed}
    stamp = {"source": stamp_of_folder(folder, files), **settings}
    cache = Cache(Path(out), _HEADER, stamp, refusal="holds no prepared photographs")
    return cache.prepare(lambda made: _build(folder, files, made, settings, progress=progress))


def names_in(cache: str | Path, split: str) -> list[str]:
    """The files that the photographs of a split were read from, in order; none of caches that do not say so."""
    return list(meta_of(Path(cache)).get("names", {}).get(split, []))


def _build(
    folder: Path, files: Sequence[Path], out: Path, options: Mapping[str, Any], *, progress: bool
) -> dict[str, Any]:
    factor = options["scale_factor"]
    sources = sources_in(folder, files, factor)
    if len(sources) < 2:
        raise UserError(f"{folder} has {len(sources)} photographs; give two or more")
    split = split_of(folder, sources, options["seed"])
    seen: dict[int, Path] = {}
    with progress_bar("reading", len(sources), "photographs", shown=progress) as advance:
        for name, chosen in split.items():
            (out / name).mkdir()
            for number, one in enumerate(chosen):
                low, high = _pair(one, factor)
                _require_alike(seen, one, high, low)
                _require_patch(one, low, options)
                np.save(out / name / f"{number}_high.npy", high, allow_pickle=False)
                np.save(out / name / f"{number}_low.npy", low, allow_pickle=False)
                advance(1)
    (colours,) = seen
    PhotoEncoder(PhotoShape(factor, colours)).save(out)
    names = {name: [str(one.path.relative_to(folder)) for one in chosen] for name, chosen in split.items()}
    return {"sizes": {name: len(chosen) for name, chosen in split.items()}, "names": names}


def _pair(one: Source, factor: int) -> tuple[Photo, Photo]:
    """Small and whole, of the rows that are meant."""
    whole = read_pictures([one.path])[1][0]
    sides = [side // factor for side in whole.shape[:2]]
    high = whole[: sides[0] * factor, : sides[1] * factor]
    low = as_pixels(reduced(as_tensor(high[None]) / 255, factor)) if one.small is None else _given(one, sides)
    rows = one.rows(sides[0])
    return low[rows], high[slice(*(end and end * factor for end in (rows.start, rows.stop)))]


def _given(one: Source, sides: Sequence[int]) -> Photo:
    """The small picture that lies beside a photograph; UserError where it is of another size."""
    assert one.small is not None
    low: Photo = read_pictures([one.small])[1][0]
    if list(low.shape[:2]) != list(sides):
        found, needed = (f"{width}×{height}" for height, width in (low.shape[:2], sides))
        raise UserError(f"{one.small} has {found} pixels, and {one.path} made small {needed}; remove or replace it")
    return low


def _require_alike(seen: dict[int, Path], one: Source, high: Photo, low: Photo) -> None:
    """UserError where a photograph, or the small one that was given, is grey and others are in colour."""
    for path, pixels in ((one.path, high), (one.small or one.path, low)):
        seen.setdefault(pixels.shape[2], path)
    if len(seen) > 1:
        raise UserError(f"{seen[1]} is grey and {seen[3]} in colour; give photographs of one kind")


def _require_patch(one: Source, low: Photo, options: Mapping[str, Any]) -> None:
    factor, patch = options["scale_factor"], options["patch"]
    if min(low.shape[:2]) < patch:
        sides, least = "×".join(str(side * factor) for side in low.shape[1::-1]), patch * factor
        which = one.path if one.strip is None else f"the {one.strip} part of {one.path}"
        raise UserError(f"{which} has {sides} pixels to learn from, a patch {least}×{least}; use a smaller --patch")
