"""Images that are given as they are: an array, or the files of pictures, and perhaps a label for each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.stamps import stamp
from nni_nasplus.errors import UserError, some

__all__ = ["GivenImages"]


@dataclass(frozen=True)
class GivenImages:
    """N images, and their labels if they are known.

    Parameters
    ----------
    images
        An array [N, S, S] or [N, S, S, C] of numbers, or the paths of N pictures.
    labels
        [N] whole numbers, truth values or texts; None where they are not known.
    """

    images: NDArray[Any] | tuple[Path, ...]
    labels: NDArray[Any] | None = None

    @classmethod
    def of(cls, images: Any, labels: Any = None) -> GivenImages:
        """Take what people have.

        Raises
        ------
        UserError
            If there are no images, a picture is not there, or labels are missing, of another number, or no classes.
        """
        if not hasattr(images, "__len__") or not len(images):
            raise UserError(f"there are no images in X, of type {type(images).__name__}: give an array, or pictures")
        found = _files(images) if _are_paths(images) else np.asarray(images)
        return cls(found, None if labels is None else _classes(labels, len(found)))

    def __str__(self) -> str:
        """What errors call it."""
        return "X"

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Tell these images from others by their content, or by the places, sizes and times of change of the files."""
        labels = {} if self.labels is None else {"labels": _digest(self.labels)}
        if isinstance(self.images, np.ndarray):
            return {"array": _digest(self.images), **labels}
        return {"pictures": [stamp(path) for path in self.images], **labels}


def _are_paths(images: Any) -> bool:
    """Whether they are a sequence of paths, which arrays and columns of tables may be too."""
    first = next(iter(images), None)
    return isinstance(first, str | Path)


def _files(images: Sequence[Any]) -> tuple[Path, ...]:
    paths = tuple(Path(str(path)).expanduser() for path in images)
    if missing := [str(path) for path in paths if not path.is_file()]:
        raise UserError(f"{len(missing)} of {len(paths)} pictures are not there: {some(missing)}; name files")
    return paths


def _classes(labels: Any, count: int) -> NDArray[Any]:
    """[N] of one kind that can be ordered."""
    values = np.asarray(labels)
    if values.shape != (count,):
        raise UserError(f"the labels have the shape {values.shape}: give one to each of the {count} images")
    if values.dtype.kind == "O" and all(isinstance(value, str) for value in values):
        values = values.astype(str)
    is_whole = values.dtype.kind == "f" and bool((values % 1 == 0).all())
    if values.dtype.kind not in "iubU" and not is_whole:
        raise UserError(f"the labels hold {values.dtype}: use whole numbers or texts, and none missing")
    return values


def _digest(values: NDArray[Any]) -> str:
    """Of type, shape and content."""
    digest = hashlib.sha256(repr((values.dtype.str, values.shape)).encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
