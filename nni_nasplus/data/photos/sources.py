"""Which files of a folder are photographs, of which small ones are given, and who learns, validates and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from nni_nasplus.data.cache import SPLITS
from nni_nasplus.data.images.pictures import is_picture
from nni_nasplus.errors import UserError

__all__ = ["Source", "sources_in", "split_of"]

_PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""What stands in the names of folders, such as DIV2K_valid_HR, and which split that is."""
_WHOLE, _SMALL = "HR", "LR_bicubic"
"""How the published folders end: beside DIV2K_train_HR is DIV2K_train_LR_bicubic, which has X2, X3 and X4."""
_REDUCED = "lr"
"""What stands in the names of folders that have no photographs but small ones."""
_HELD = 0.15
"""The share of photographs that validate, and that test, where nothing says which."""
_STRIP = 4
"""Of a single photograph to learn from one in so many rows validates, the lowest ones."""


@dataclass(frozen=True)
class Source:
    """A photograph, or a strip of one.

    Parameters
    ----------
    path
        Its file.
    part
        The split that its folder's name says; None where it says none.
    small
        The file of the small one; None where it is to be made.
    strip
        Which rows are meant; None for all.
    """

    path: Path
    part: str | None = None
    small: Path | None = None
    strip: Literal["upper", "lower"] | None = None

    def rows(self, height: int) -> slice:
        """Those of a small picture that has so many."""
        border = height * (_STRIP - 1) // _STRIP
        return {None: slice(None), "upper": slice(border), "lower": slice(border, None)}[self.strip]


def sources_in(folder: Path, files: Sequence[Path], factor: int) -> list[Source]:
    """The photographs among the files below a folder, in their order.

    Raises
    ------
    UserError
        If there is a folder of small ones for this factor, and one of them is missing.
    """
    pictures = [path for path in files if is_picture(path)]
    small = {path.with_suffix(""): path for path in pictures}
    return [
        Source(path, _part_of(words), _small_of(path, folder, factor, small))
        for path in pictures
        if _REDUCED not in (words := _words(path, folder))
    ]


def _words(path: Path, folder: Path) -> Sequence[str]:
    """Those of the name of the uppermost folder that a file lies in."""
    parts = path.relative_to(folder).parts
    return parts[0].lower().replace("-", "_").split("_") if len(parts) > 1 else []


def _part_of(words: Sequence[str]) -> str | None:
    return next((_PARTS[word] for word in words if word in _PARTS), None)


def _small_of(path: Path, folder: Path, factor: int, small: Mapping[Path, Path]) -> Path | None:
    """The one given, such as DIV2K_train_LR_bicubic/X2/0001x2.png; None where there is no such folder."""
    top = folder / path.relative_to(folder).parts[0]
    place = top.with_name(top.name.removesuffix(_WHOLE) + _SMALL) / f"X{factor}"
    if not top.name.endswith(f"_{_WHOLE}") or not place.is_dir():
        return None
    name = place / f"{path.stem}x{factor}"
    if name not in small:
        raise UserError(f"{name}.png is missing, the small picture of {path}; add it, or remove the folder {place}")
    return small[name]


def split_of(folder: Path, sources: Sequence[Source], seed: int) -> dict[str, list[Source]]:
    """Photographs by split: as the names of folders say, the others drawn by the seed.

    Raises
    ------
    UserError
        If none is left to learn from.
    """
    parts = {name: [one for one in sources if one.part == name] for name in SPLITS}
    rest = [one for one in sources if one.part is None]
    rest = [rest[place] for place in np.random.default_rng(seed).permutation(len(rest))]
    count = max(1, round(_HELD * len(sources)))
    for name in ("test", "val"):
        if not parts[name] and len(own := rest or parts["train"]) > 1:
            parts[name], own[:] = own[:count], own[count:]
    parts["train"] += rest
    if not parts["train"]:
        raise UserError(f"{folder} has no photographs to train on; put some into a folder named train")
    if not parts["val"]:
        only = parts["train"][0]
        parts["train"][0] = replace(only, strip="upper")
        parts["val"] = [replace(only, strip="lower")]
    return parts
