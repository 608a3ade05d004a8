"""A folder of pictures: the part and the class of each one, and what is left aside."""

from __future__ import annotations

import logging
import mimetypes
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from nni_nasplus.data.cache import SPLITS
from nni_nasplus.data.images.pictures import is_picture
from nni_nasplus.data.stamps import files_below, visible
from nni_nasplus.errors import UserError, some

__all__ = ["LabelledPicture", "labelled_pictures", "part_of", "pictures_below"]

logger = logging.getLogger(__name__)
_PARTS = {
    "train": {"train", "training"},
    "val": {"val", "valid", "validation", "dev"},
    "test": {"test", "testing", "eval", "evaluation"},
}
"""By split what folders and arrays of it are called: the words that Hugging Face's ``imagefolder`` knows."""

Parts = Mapping[str, str]
"""The split of each folder that is a part of the data; nothing where the folders are classes."""


class LabelledPicture(NamedTuple):
    """A picture's file, the name of its class, and its position in ``SPLITS``."""

    path: Path
    label: str
    split: int


def part_of(name: str) -> str | None:
    """The split that a folder or an array is named after, as ``Valid`` and ``val2017`` are after ``val``, if any."""
    words = [word for word in re.split("[^a-z]+", name.lower()) if word]
    return next((split for split, known in _PARTS.items() if known & {*words[:1], *words[-1:]}), None)


def pictures_below(folder: Path) -> list[Path]:
    """All pictures below a folder, sorted; nothing hidden, and nothing in a hidden folder."""
    return sorted(path for path in files_below(folder) if is_picture(path))


def labelled_pictures(folder: Path) -> list[LabelledPicture]:
    """The pictures of ``folder/CLASS/…``, or of ``folder/PART/CLASS/…`` where one of the parts is there to train on.

    A class's pictures may lie in folders below its own. What is not read, and classes without pictures in a part, are
    told to the log in a line each.

    Returns
    -------
    They are sorted by split, then by path; those of training where the folder does not say.

    Raises
    ------
    UserError
        If there are no pictures to train on, or it cannot be told which folders are the classes.
    """
    files = [path.relative_to(folder) for path in files_below(folder)]
    pictures = [path for path in files if is_picture(path)]
    parts = _parts(folder, pictures)
    placed = {path: place for path in pictures if (place := _place(path, parts))}
    if not any(split == 0 for split, _ in placed.values()):
        raise UserError(f"{folder} has no pictures to train on: put them into a folder for each class")
    _tell_unread(folder, [path for path in files if path not in placed])
    _tell_empty(folder, parts, pictures, placed)
    order = sorted((split, path, label) for path, (split, label) in placed.items())
    return [LabelledPicture(folder / path, label, split) for split, path, label in order]


def _parts(folder: Path, pictures: Sequence[PurePath]) -> Parts:
    tops = sorted({path.parts[0] for path in pictures if len(path.parts) > 1})
    parts = {top: split for top in tops if (split := part_of(top))}
    if any(parts.get(path.parts[0]) == "train" and len(path.parts) > 2 for path in pictures):
        _require_one_each(folder, parts)
        return parts
    if tops and len(parts) == len(tops):
        raise UserError(f"{folder} has {', '.join(tops)}, but no folder of a class in train: put the pictures there")
    _require_classes_below(folder, pictures)
    return {}


def _require_one_each(folder: Path, parts: Parts) -> None:
    for split in SPLITS:
        if len(names := [name for name, its_split in parts.items() if its_split == split]) > 1:
            raise UserError(f"{folder} has {' and '.join(names)}, which are one part by their names: keep one of them")


def _require_classes_below(folder: Path, pictures: Sequence[PurePath]) -> None:
    """Refuse classes that are divided each by itself: where some are, in part, nobody knows what is meant."""
    for label in {path.parts[0] for path in pictures}:
        below = {path.parts[1] for path in pictures if path.parts[0] == label and len(path.parts) > 2}
        if {"train"} < {part_of(name) for name in below} - {None}:
            raise UserError(
                f"{folder / label} has parts inside a class: put the classes into the parts, as train/{label}"
            )


def _place(path: PurePath, parts: Parts) -> tuple[int, str] | None:
    """The split and the class of a picture; None where it lies beside them."""
    if not parts:
        return (0, path.parts[0]) if len(path.parts) > 1 else None
    split = parts.get(path.parts[0])
    return (SPLITS.index(split), path.parts[1]) if split and len(path.parts) > 2 else None


def _tell_unread(folder: Path, paths: Sequence[PurePath]) -> None:
    """Name the pictures that belong to no class, by their folders, and files of pictures that nobody can read."""
    beside = Counter(path.parts[0] if len(path.parts) > 1 else "." for path in paths if is_picture(path))
    if beside:
        counts = some([f"{name} ({count})" for name, count in sorted(beside.items())])
        logger.warning("%s: pictures outside the folders of the classes are not read: %s", folder, counts)
    unknown = [path for path in paths if not is_picture(path) and _is_of_pictures(path)]
    if unknown:
        logger.warning("%s: pictures of unknown formats are not read: %s; convert them", folder, some(sorted(unknown)))


def _is_of_pictures(path: PurePath) -> bool:
    return (mimetypes.guess_type(path.name)[0] or "").startswith("image/")


def _tell_empty(folder: Path, parts: Parts, pictures: Sequence[PurePath], read: Iterable[PurePath]) -> None:
    """Name the folders of parts and classes that hold no pictures, and the classes that a part lacks."""
    tops = {path.parts[0] for path in pictures}
    empty = [path.name for path in visible(folder) if path.is_dir() and path.name not in tops]
    classes = {path.parts[:2] for path in read} if parts else set()
    labels = {label for _, label in classes}
    for part in sorted({part for part, _ in classes}):
        there = {path.name for path in visible(folder / part) if path.is_dir()}
        empty += [f"{part}/{label}" for label in sorted(labels | there) if (part, label) not in classes]
    if empty:
        logger.warning("%s: no pictures in %s", folder, some(empty))
