"""One pass over a table that turns every column into a file of float64, so that a column can be taken alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from nni_nasplus.data.events.tables import convert
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.errors import UserError

__all__ = ["Asked", "Kind", "RawColumn", "Spool", "spool"]

Kind = Literal["number", "seconds", "text"]
Asked = Literal["number", "seconds", "text", "time", "any"]
"""A kind, or to be told from the values: "time" is numbers or seconds, "any" all three."""


@dataclass
class RawColumn:
    """[N] float64, NaN where missing: numbers, seconds since 1970, or positions in ``texts``."""

    values: NDArray[np.float64]
    kind: Kind
    texts: list[str]

    def take(self, rows: NDArray[np.int64]) -> RawColumn:
        """The values at ``rows``."""
        return RawColumn(self.values[rows], self.kind, self.texts)


@dataclass
class Spool:
    """The columns of a table of ``rows`` rows, on disk in ``folder``."""

    folder: Path
    rows: int = 0
    kinds: dict[str, Kind] = field(default_factory=dict)
    texts: dict[str, dict[str, int]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> RawColumn:
        path = self.folder / f"{self.names.index(name)}.f64"
        values = np.memmap(path, np.float64, "r") if self.rows else np.empty(0)
        return RawColumn(np.asarray(values), self.kinds.get(name, "number"), list(self.texts.get(name, ())))


class _Contradiction(Exception):
    """A later block does not parse as the first one did."""

    def __init__(self, name: str) -> None:
        self.name = name


def spool(source: Source, kinds: Mapping[str, Asked], folder: Path, progress: bool) -> Spool:
    """Read the columns named by ``kinds`` into ``folder``.

    A column of which "any" is asked is text where the values are neither numbers nor times, even if only a late value
    is neither: the table is then read again. Text of a typed source is not taken for numbers.

    Parameters
    ----------
    source
        The table.
    kinds
        What is asked of each column that is to be read.
    folder
        Where the columns are written, one file each.
    progress
        Whether to show a progress bar.

    Raises
    ------
    UserError
        If a value does not parse as the kind that was asked for, or a column is of an unknown type.
    """
    kinds = dict(kinds)
    while True:
        try:
            return _spool_once(source, kinds, folder, progress)
        except _Contradiction as error:
            kinds[error.name] = "text"


def _spool_once(source: Source, kinds: Mapping[str, Asked], folder: Path, progress: bool) -> Spool:
    spooled = Spool(folder, names=list(kinds))
    files = [(folder / f"{i}.f64").open("wb") for i in range(len(kinds))]
    try:
        with tqdm(total=source.rows, desc=f"reading {source.role}", unit=" rows", disable=not progress) as bar:
            for batch in source.batches(spooled.names):
                _append(spooled, files, batch, source, kinds)
                bar.update(batch.num_rows)
    finally:
        for file in files:
            file.close()
    return spooled


def _append(
    spooled: Spool,
    files: Sequence[BinaryIO],
    batch: pa.RecordBatch,
    source: Source,
    kinds: Mapping[str, Asked],
) -> None:
    for name, array, file in zip(spooled.names, batch.columns, files, strict=True):
        kind = spooled.kinds.get(name) or _kind(kinds[name], array, source, name)
        if kind is not None:
            spooled.kinds[name] = kind
        values = _values(array, kind, spooled.texts.setdefault(name, {}))
        if values is None and kinds[name] == "any":
            raise _Contradiction(name)
        if values is None:
            raise _unparsable(array, kind, name, source, spooled.rows)
        values.tofile(file)
    spooled.rows += batch.num_rows


def _kind(asked: Asked, array: pa.Array, source: Source, name: str) -> Kind | None:
    """The kind of a first block; None where all of it is missing and nothing is known."""
    if not convert.is_supported(array):
        raise UserError(f"{source.role}: column {name!r} holds {array.type}: convert it, or leave it out by --ignore")
    if asked != "any" and asked != "time":
        return asked
    if array.null_count == len(array):
        return None
    if asked == "time":
        return "number" if convert.to_numbers(array.drop_null()[:1]) is not None else "seconds"
    return _guess(array, source, name)


def _guess(array: pa.Array, source: Source, name: str) -> Kind:
    if pa.types.is_dictionary(array.type):
        return "text"
    if not (source.typed and convert.is_text(array)) and convert.to_numbers(array) is not None:
        return "number"
    if convert.to_seconds(array) is not None:
        return "seconds"
    return "text"


def _values(array: pa.Array, kind: Kind | None, known: dict[str, int]) -> NDArray[np.float64] | None:
    if kind is None or array.null_count == len(array):
        return np.full(len(array), np.nan)
    if kind == "text":
        return _positions(array, known)
    return convert.to_numbers(array) if kind == "number" else convert.to_seconds(array)


def _positions(array: pa.Array, known: dict[str, int]) -> NDArray[np.float64]:
    codes, texts = convert.to_text(array)
    table = [np.nan if t is None else known.setdefault(t, len(known)) for t in texts]
    return np.array(table, dtype=np.float64)[codes]


def _unparsable(array: pa.Array, kind: Kind | None, name: str, source: Source, start: int) -> UserError:
    row = next((i for i in range(len(array)) if _values(array.slice(i, 1), kind, {}) is None), 0)
    remedy = {
        "number": "mend it, or declare the column --categorical when preparing",
        "seconds": "write times as numbers throughout or as ISO 8601 (2024-01-31 12:00:00) throughout",
    }
    want = "number" if kind == "number" else "time"
    return UserError(
        f"{source.role}: row {start + row + 1} of column {name!r} holds {array[row].as_py()!r}, "
        f"which is no {want}: {remedy[kind or 'number']}"
    )
