"""Tables of events or labels, read in record batches whatever they are stored in."""

from __future__ import annotations

import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from nni_nasplus.data.events.tables.files import format_of, partition_of, parts_of
from nni_nasplus.data.events.tables.text_file import TextFile
from nni_nasplus.data.stamps import stamp
from nni_nasplus.errors import UserError

__all__ = ["Source"]

_BLOCK_BYTES = 1 << 23
"""Of a text file read at a time: memory stays small, and a block is large beside what it costs to begin one."""
_BLOCK_ROWS = 1 << 17
"""Of a frame or a Parquet file read at a time, about as much memory as a block of a CSV file of a dozen columns."""
_DAMAGES = (
    *(pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, EOFError, UnicodeDecodeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What the readers raise of damaged files."""


class Source:
    """A frame; or a CSV or Parquet file, a folder of such files, or all those that a pattern such as ``*.csv`` names.

    Parameters
    ----------
    table
        The path or frame.
    role
        What errors call it, such as "events".

    Attributes
    ----------
    columns
        The column names.
    parts
        The files, in the order of their rows; none of a frame.
    typed
        Whether text is known to be text; a CSV file has nothing but text.
    style
        How numbers are likely to be written where they leave it open: with a decimal "comma" where semicolons separate
        the fields.

    Raises
    ------
    UserError
        If a file is missing, unreadable or of another kind than the first one, or two columns have one name.
    """

    def __init__(self, table: str | Path | pd.DataFrame, role: str) -> None:
        self.table = table if isinstance(table, pd.DataFrame) else Path(table)
        self.role = role
        self.parts = [] if isinstance(self.table, pd.DataFrame) else parts_of(self.table, role)
        self.typed = not self.parts or format_of(self.parts[0], role) == "parquet"
        self._texts = {} if self.typed else {path: self._text(path) for path in self.parts}
        self.style = "comma" if any(text.separator == ";" for text in self._texts.values()) else "point"
        self.columns = self._columns()
        if twice := sorted({c for c in self.columns if self.columns.count(c) > 1}):
            raise UserError(f"{role}: column {twice[0]!r} occurs twice: rename one")

    @property
    def rows(self) -> int | None:
        """The number of rows; None where only reading would tell."""
        if isinstance(self.table, pd.DataFrame):
            return len(self.table)
        return sum(pa.parquet.read_metadata(path).num_rows for path in self.parts) if self.typed else None

    def require(self, columns: Sequence[str]) -> None:
        """Raise ``UserError`` where one of ``columns`` is missing."""
        for name in columns:
            if name not in self.columns:
                raise UserError(f"{self.role} has no column {name!r}: choose from {', '.join(map(repr, self.columns))}")

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, with the columns as named; ``UserError`` is raised where a row is malformed."""
        if isinstance(self.table, pd.DataFrame):
            for start in range(0, len(self.table), _BLOCK_ROWS):
                yield _arrow(self.table.iloc[start : start + _BLOCK_ROWS], list(columns))
        for path in self.parts:
            try:
                yield from self._read(path, list(columns))
            except _DAMAGES as error:
                raise self._unreadable(path, error) from error

    def spelling(self, column: str, row: int) -> str | None:
        """What stands in a row of a text file where a value is taken for missing; None of any other source."""
        for path in self.parts if not self.typed else ():
            for batch in self._texts[path].batches([column], _BLOCK_BYTES, nulls=False):
                if row < len(batch):
                    return str(batch.column(0)[row].as_py())
                row -= len(batch)
        return None

    def fingerprint(self) -> dict[str, Any]:
        """Tell this input from another by path, size and change time, or by a digest of the frame."""
        if isinstance(self.table, pd.DataFrame):
            digest = hashlib.sha256(repr([*self.table.dtypes.items()]).encode())
            for _, column in self.table.items():
                digest.update(_hashed(column).to_numpy().tobytes())
            return {"frame": digest.hexdigest()}
        return {"files": [stamp(path) for path in self.parts]}

    def _columns(self) -> list[str]:
        if isinstance(self.table, pd.DataFrame):
            return [str(c) for c in self.table.columns]
        first = self._names(self.parts[0])
        for path in self.parts[1:]:
            if (format_of(path, self.role) == "parquet") != self.typed:
                raise UserError(f"{self.role}: {path} is not of the kind of {self.parts[0]}: convert one")
            if other := sorted(set(first) ^ set(self._names(path))):
                raise UserError(
                    f"{self.role}: only one of {self.parts[0]} and {path} has a column {other[0]!r}: "
                    "give all files the same columns"
                )
        return first

    def _text(self, path: Path) -> TextFile:
        try:
            return TextFile.at(path, self.role)
        except _DAMAGES as error:
            raise self._unreadable(path, error) from error

    def _names(self, path: Path) -> list[str]:
        try:
            if not self.typed:
                return [*self._texts[path].columns(), *self._partition(path)]
            names = pa.parquet.read_schema(path).names
            return [*(c for c in names if not c.startswith("__index_level_")), *self._partition(path)]
        except _DAMAGES as error:
            raise self._unreadable(path, error) from error

    def _partition(self, path: Path) -> dict[str, str | None]:
        return partition_of(path, self.table) if isinstance(self.table, Path) else {}

    def _read(self, path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
        keys = {name: value for name, value in self._partition(path).items() if name in columns}
        inside = [name for name in columns if name not in keys]
        for batch in self._batches(path, inside):
            arrays = {name: batch.column(name) for name in inside}
            arrays |= {name: pa.array([value] * len(batch), pa.string()) for name, value in keys.items()}
            yield pa.RecordBatch.from_arrays([arrays[name] for name in columns], columns)

    def _batches(self, path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
        if self.typed:
            return pa.parquet.ParquetFile(path).iter_batches(_BLOCK_ROWS, columns=columns)
        return self._texts[path].batches(columns, _BLOCK_BYTES)

    def _unreadable(self, path: Path, error: Exception) -> UserError:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        remedy = ": write the file anew, or name an intact one"
        if "columns, got" in reason:
            remedy = ": mend this row, and put a value that holds the separator in quotes"
        return UserError(f"{self.role}: {path} cannot be read: {reason}{remedy}")


def _arrow(frame: pd.DataFrame, columns: list[str]) -> pa.RecordBatch:
    position = {str(c): i for i, c in enumerate(frame.columns)}
    return pa.RecordBatch.from_arrays([_array(frame.iloc[:, position[c]]) for c in columns], columns)


def _array(column: pd.Series) -> pa.Array:
    try:
        array = pa.Array.from_pandas(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        array = pa.Array.from_pandas(column.map(str, na_action="ignore"))
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _hashed(column: pd.Series) -> pd.Series:
    try:
        return pd.util.hash_pandas_object(column, index=False)
    except TypeError:
        return pd.util.hash_pandas_object(column.map(repr), index=False)
