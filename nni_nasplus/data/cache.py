"""Prepared data on disk: a folder that is built aside, published whole, and found ready by everyone after."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from nni_nasplus._files import damage_named, read_json
from nni_nasplus.data.stamps import changes, stamped
from nni_nasplus.errors import UserError

__all__ = ["SPLITS", "Cache", "changed_inputs", "inputs", "map_array", "meta_of"]

SPLITS = ("train", "val", "test")
"""The splits of all data; arrays on disk hold positions in it, so that its order is part of every format."""
_META = "meta.json"
_Told = TypeVar("_Told")
"""Written last into the folder: it tells which cache this is."""


@dataclass(frozen=True)
class Cache:
    """A folder that holds prepared data, all of it or none.

    Parameters
    ----------
    out
        The folder.
    header
        The start of its ``meta.json``: the version of the format and, but for events, the kind of data.
    made_from
        The input and the settings that make one cache another, as JSON values.
    refusal
        What a message says of a folder that is something else, such as "is no prepared text".
    origin
        What a message says that a cache was made from if ``made_from`` differs; where None, the names that differ.
    indent
        The indentation of ``meta.json`` in spaces.
    """

    out: Path
    header: Mapping[str, Any]
    made_from: Mapping[str, Any]
    refusal: str
    origin: str | None = None
    indent: int = 2

    def prepare(self, build: Callable[[Path], Mapping[str, Any]]) -> Path:
        """Build the folder unless it is ready, and return it; of processes that do so at once, one builds.

        Parameters
        ----------
        build
            Fills the empty folder that it is given, and returns what ``meta.json`` is to hold besides.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        UserError
            If the folder holds something else, or was prepared from other input, settings or by another version.
        """
        if not self.is_ready():
            self.out.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.out.parent / f".{self.out.name}.lock"):
                if not self.is_ready():
                    self._publish(build)
        return self.out

    def is_ready(self) -> bool:
        """Whether the folder is this cache; an empty or absent one is not, any other raises ``UserError``."""
        if not self.out.exists() or (self.out.is_dir() and not any(self.out.iterdir())):
            return False
        meta = self.out / _META
        found = read_json(meta, "delete the folder, or choose another") if meta.is_file() else {}
        if found.get("kind") != self.header.get("kind") or not self.header.keys() <= found.keys():
            raise UserError(f"{self.out} exists and {self.refusal}: choose another folder")
        if any(found[name] != value for name, value in self.header.items()):
            raise UserError(f"{self.out} was prepared by another version: delete it, or choose another folder")
        if other := self._differing(found.get("made_from", {})):
            origin = self.origin or ", ".join(other)
            raise UserError(f"{self.out} was prepared from other {origin}: delete it, or choose another folder")
        return True

    def _differing(self, found: Mapping[str, Any]) -> list[str]:
        """The names in ``made_from`` of one cache or the other under which they do not hold the same."""
        absent = object()
        names = [*self.made_from, *(name for name in found if name not in self.made_from)]
        return [name for name in names if found.get(name, absent) != self.made_from.get(name, absent)]

    def _publish(self, build: Callable[[Path], Mapping[str, Any]]) -> None:
        """Build beside the folder, under its lock, and rename: a reader finds all or nothing."""
        partial = self.out.parent / f".{self.out.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            meta = {**self.header, **build(partial), "made_from": self.made_from}
            text = json.dumps(meta, indent=self.indent, allow_nan=False)
            (partial / _META).write_text(text + "\n", encoding="utf-8")
            partial.rename(self.out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def meta_of(folder: Path) -> dict[str, Any]:
    """What ``meta.json`` of a cache holds: its header, what the build has told of it, and what it was made from."""
    with damage_named(folder / _META):
        return dict(read_json(folder / _META))


def changed_inputs(folder: Path) -> list[str]:
    """What has become of the files that a folder was prepared from: see :func:`~nni_nasplus.data.stamps.changes`.

    Raises
    ------
    UserError
        If its ``meta.json`` is damaged.
    """
    return _of_inputs(folder, changes)


def inputs(folder: Path) -> list[Path]:
    """The files and folders that a folder was prepared from; none if it was from tables in memory, or is not there.

    Raises
    ------
    UserError
        If its ``meta.json`` is damaged.
    """
    return _of_inputs(folder, stamped)


def _of_inputs(folder: Path, told: Callable[[Any], list[_Told]]) -> list[_Told]:
    """What a reader of stamps tells of those that a folder has; nothing where it was not prepared."""
    meta = folder / _META
    if not meta.is_file():
        return []
    with damage_named(meta):
        return told(read_json(meta)["made_from"])


def map_array(path: Path) -> NDArray[Any]:
    """Map an array on disk read-only, as a plain array, which is faster to index than a ``memmap``."""
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
