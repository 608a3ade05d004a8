"""The arrays of prepared data, memory-mapped and shared by all trials."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.cache import SPLITS, map_array
from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from typing import Self

__all__ = ["MappedArrays"]


@dataclass(frozen=True, kw_only=True)
class MappedArrays:
    """The examples of a prepared folder: each field is an array, in the file of its name."""

    absent: ClassVar[str]
    """What a message says of a folder that has no such arrays."""
    split: NDArray[np.int8]
    """[N] position in ``SPLITS`` of each example."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map the arrays read-only.

        Raises
        ------
        UserError
            If there are none.
        """
        try:
            return cls(**{field.name: map_array(folder / f"{field.name}.npy") for field in fields(cls)})
        except FileNotFoundError as error:
            raise UserError(f"{folder} {cls.absent}") from error

    def save(self, folder: Path) -> None:
        """Write one file for each array."""
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name), allow_pickle=False)

    def rows(self, *splits: str) -> NDArray[np.int64]:
        """The examples of a split, or of several, in row order."""
        return np.flatnonzero(np.isin(self.split, [SPLITS.index(split) for split in splits]))
