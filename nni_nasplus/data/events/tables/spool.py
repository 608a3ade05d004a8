"""One pass over a table that turns every column into a file of float64, so that a column can be taken alone."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nni_nasplus._progress import progress_bar
from nni_nasplus.data.events.tables.column import ColumnReader, Wanted
from nni_nasplus.data.events.tables.kinds import Kind
from nni_nasplus.data.events.tables.numbers import canonical_number
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.errors import UserError

__all__ = ["RawColumn", "Spool", "spool"]


@dataclass
class RawColumn:
    """[N] float64, NaN where missing: numbers, seconds since 1970, or positions in ``texts``."""

    values: NDArray[np.float64]
    kind: Kind
    texts: list[str]
    style: str = ""

    def take(self, rows: NDArray[np.int64]) -> RawColumn:
        """The values at ``rows``."""
        return RawColumn(self.values[rows], self.kind, self.texts, self.style)


@dataclass
class Spool:
    """The columns of a table of ``rows`` rows, on disk in ``folder``."""

    source: Source
    folder: Path
    rows: int = 0
    columns: dict[str, ColumnReader] = field(default_factory=dict)

    def __getitem__(self, name: str) -> RawColumn:
        column = self.columns[name]
        values = np.memmap(self.path(name), np.float64, "r") if self.rows else np.empty(0)
        return RawColumn(np.asarray(values), column.kind or "number", list(column.texts), column.style)

    def path(self, name: str) -> Path:
        """The file of a column."""
        return self.folder / f"{list(self.columns).index(name)}.f64"

    def add(self, reader: ColumnReader, column: RawColumn) -> None:
        """Write a column [N] beside those that were read; ``reader`` is of the table that it comes from."""
        known = {text: i for i, text in enumerate(column.texts)}
        self.columns[reader.name] = replace(reader, kind=column.kind, style=column.style, texts=known)
        column.values.tofile(self.path(reader.name))


def spool(source: Source, wanted: Mapping[str, Wanted], folder: Path, progress: bool) -> Spool:
    """Read the columns named by ``wanted`` into ``folder``.

    What a column is shows when all of it has been read; those that were taken for something else are then read again.
    A warning tells of values that cannot be read.

    Parameters
    ----------
    source
        The table.
    wanted
        What is asked of each column that is to be read.
    folder
        Where the columns are written, one file each.
    progress
        Whether to show a progress bar.

    Raises
    ------
    UserError
        If values are not what is asked for, or a column is of an unknown type.
    """
    spooled = Spool(source, folder, columns={name: ColumnReader(name, w, source) for name, w in wanted.items()})
    names = list(wanted)
    while names:
        spooled.rows = _pass(spooled, names, progress)
        names = [name for name in names if not spooled.columns[name].settle(spooled[name].values)]
    for name, column in spooled.columns.items():
        _unify(spooled, name)
        for note in column.notes:
            warnings.warn(f"{source.role}: column {name!r}: {note}", UserWarning, stacklevel=2)
    return spooled


def _pass(spooled: Spool, names: Sequence[str], progress: bool) -> int:
    """Read some columns; the number of rows."""
    source, rows = spooled.source, 0
    files = {name: spooled.path(name).open("wb") for name in names}
    try:
        with progress_bar(f"reading {source.role}", source.rows, "rows", shown=progress) as advance:
            for batch in source.batches(names):
                for name, array in zip(names, batch.columns, strict=True):
                    _read(spooled.columns[name], array, rows).tofile(files[name])
                rows += batch.num_rows
                advance(batch.num_rows)
    finally:
        for file in files.values():
            file.close()
    return rows


def _read(column: ColumnReader, array: pa.Array, start: int) -> NDArray[np.float64]:
    try:
        return column.read(array, start)
    except UnicodeDecodeError as error:
        where = f"{column.source.role}: column {column.name!r}"
        raise UserError(f"{where} holds bytes that are no UTF-8: write the table anew") from error


def _unify(spooled: Spool, name: str) -> None:
    """Give each number one text, where all texts of a column are numbers."""
    column = spooled.columns[name]
    if column.kind != "text" or column.is_typed_text:
        return
    plain = [canonical_number(text) for text in column.texts]
    if None in plain or plain == list(column.texts):
        return
    known: dict[str, int] = {}
    table = np.array([known.setdefault(str(text), len(known)) for text in plain], dtype=np.float64)
    values = np.array(spooled[name].values)
    present = ~np.isnan(values)
    values[present] = table[values[present].astype(np.int64)]
    column.texts = known
    values.tofile(spooled.path(name))
