"""Prepare photographs once, for all trials: read them, split them, and make the small ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.cache import SPLITS, Cache
from nni_nasplus.data.images.arrays import as_tensor
from nni_nasplus.data.images.pictures import is_picture, read_pictures
from nni_nasplus.data.photos.encoder import PhotoEncoder, PhotoShape, as_pixels, reduced
from nni_nasplus.data.stamps import files_below, stamp_of_folder
from nni_nasplus.errors import UserError

__all__ = ["prepare_photos"]

_HEADER = {"kind": "photos", "version": 1}
"""To be counted up when caches of before can no longer be read."""
_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""What stands in the names of folders, such as DIV2K_valid_HR, and which split that is."""
_HELD = 0.15
"""The share of photographs that validate, and that test, where nothing says which."""
_STRIP = 4
"""Of a single photograph to learn from one in so many rows validates, the lowest ones."""
Photos = dict[Path, NDArray[np.uint8]]


def prepare_photos(
    source: str | Path, *, out: str | Path, scale_factor: int = 2, patch: int = 24, seed: int = 0
) -> Path:
    """Write the cache ``out`` that ``PhotoDataModule`` reads, and return it; at once where it is ready.

    Small pictures are made by bicubic interpolation with antialiasing, after what does not divide by the factor is cut
    off on the right and below.

    Parameters
    ----------
    source
        A folder of photographs; or one with a folder for each part, whose names say train, valid and perhaps test, as
        in the published layout of DIV2K. Without such, 15 % of them test and 15 % validate, at least one each; of two
        one tests, and the lowest quarter of the other validates.
    scale_factor
        How many times as large the network is to make pictures: 2, 3 or 4.
    patch
        Height and width of the small patches that networks learn from; no small picture may be smaller.
    seed
        Fixes which photographs test.

    Raises
    ------
    UserError
        If there are fewer than two photographs, one is smaller than a patch, some are grey and some in colour, one
        cannot be read, or a number is out of range.
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
    return cache.prepare(lambda made: {"sizes": _build(folder, files, made, settings)})


def _build(folder: Path, files: Sequence[Path], out: Path, options: Mapping[str, Any]) -> dict[str, int]:
    if len(files) < 2:
        raise UserError(f"{folder} has {len(files)} photographs; give two or more")
    factor = options["scale_factor"]
    photos = {path: _cut(read_pictures([path])[1][0], factor) for path in files}
    _require_alike(photos)
    split = _split(folder, photos, options)
    for name, chosen in split.items():
        (out / name).mkdir()
        for number, (path, photo) in enumerate(chosen):
            _require_patch(path, photo, options)
            small = as_pixels(reduced(as_tensor(photo[None]) / 255, factor))
            np.save(out / name / f"{number}_high.npy", photo, allow_pickle=False)
            np.save(out / name / f"{number}_low.npy", small, allow_pickle=False)
    first, *_ = photos.values()
    PhotoEncoder(PhotoShape(factor, first.shape[2])).save(out)
    return {name: len(chosen) for name, chosen in split.items()}


def _cut(photo: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    height, width = (side - side % factor for side in photo.shape[:2])
    return photo[:height, :width]


def _require_alike(photos: Photos) -> None:
    grey = [path for path, photo in photos.items() if photo.shape[2] == 1]
    if 0 < len(grey) < len(photos):
        colour = next(path for path in photos if path not in grey)
        raise UserError(f"{grey[0]} is grey and {colour} in colour; give photographs of one kind")


def _require_patch(path: Path, photo: NDArray[np.uint8], options: Mapping[str, Any]) -> None:
    least = options["patch"] * options["scale_factor"]
    if min(photo.shape[:2]) < least:
        sides = "×".join(map(str, photo.shape[1::-1]))
        raise UserError(f"{path} has {sides} pixels to learn from, a patch {least}×{least}; use a smaller --patch")


def _split(folder: Path, photos: Photos, options: Mapping[str, Any]) -> dict[str, list[tuple[Path, Any]]]:
    """Photographs by split, with their paths."""
    parts: dict[str, list[tuple[Path, Any]]] = {name: [] for name in SPLITS}
    rest: list[tuple[Path, Any]] = []
    for path, photo in photos.items():
        part = _part_of(path.relative_to(folder))
        (parts[part] if part else rest).append((path, photo))
    order = np.random.default_rng(options["seed"]).permutation(len(rest))
    rest = [rest[place] for place in order]
    count = max(1, round(_HELD * len(photos)))
    for name in ("test", "val"):
        if not parts[name] and len(rest or parts["train"]) > 1:
            own = rest or parts["train"]
            parts[name], own[:] = own[:count], own[count:]
    parts["train"] += rest
    if not parts["train"]:
        raise UserError(f"{folder} has no photographs to train on; put some into a folder named train")
    if not parts["val"]:
        parts |= _strips(*parts["train"][0], options["scale_factor"])
    return parts


def _strips(path: Path, photo: NDArray[np.uint8], factor: int) -> dict[str, list[tuple[Path, Any]]]:
    """The only photograph to learn from, in two."""
    rows = photo.shape[0] * (_STRIP - 1) // _STRIP
    rows -= rows % factor
    return {"train": [(path, photo[:rows])], "val": [(path, photo[rows:])]}


def _part_of(path: Path) -> str | None:
    """The split that a folder's name says."""
    words = path.parts[0].lower().replace("-", "_").split("_") if len(path.parts) > 1 else []
    return next((_PARTS[word] for word in words if word in _PARTS), None)
