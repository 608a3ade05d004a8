"""Tables of events or labels, read in record batches whatever they are stored in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from nni_nasplus.data.events.tables.convert import NULLS
from nni_nasplus.errors import UserError

__all__ = ["Source"]

_BLOCK_BYTES = 1 << 23
"""Of a CSV file read at a time: memory stays small, and a block is large beside what it costs to begin one."""
_BLOCK_ROWS = 1 << 17
"""Of a frame or a Parquet file read at a time, about as much memory as a block of a CSV file of a dozen columns."""
_PARSE = pa.csv.ParseOptions(newlines_in_values=True)
"""Quoted text may span lines, which Arrow takes for an error unless it is told."""
_CSV = (".csv", ".csv.gz")
_PARQUET = (".parquet", ".pq")


class Source:
    """A CSV (plain or gzipped) or Parquet file, or a frame.

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
    typed
        Whether text is known to be text; a CSV file has nothing but text.

    Raises
    ------
    UserError
        If the file is missing, unreadable or of another kind, or two columns have one name.
    """

    def __init__(self, table: str | Path | pd.DataFrame, role: str) -> None:
        self.table = table if isinstance(table, pd.DataFrame) else Path(table)
        self.role = role
        self.typed = not self._is(_CSV)
        self.columns = self._columns()
        if twice := sorted({c for c in self.columns if self.columns.count(c) > 1}):
            raise UserError(f"{role}: column {twice[0]!r} occurs twice: rename one")

    @property
    def rows(self) -> int | None:
        """The number of rows; None where only reading would tell."""
        if isinstance(self.table, pd.DataFrame):
            return len(self.table)
        return pa.parquet.read_metadata(self.table).num_rows if self._is(_PARQUET) else None

    def require(self, columns: Sequence[str]) -> None:
        """Raise ``UserError`` where one of ``columns`` is missing."""
        for name in columns:
            if name not in self.columns:
                raise UserError(f"{self.role} has no column {name!r}: choose from {', '.join(map(repr, self.columns))}")

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, with the columns as named; ``UserError`` is raised where a row is malformed."""
        try:
            yield from self._batches(list(columns))
        except pa.ArrowInvalid as error:
            raise UserError(f"{self.role}: {self._name} cannot be read: {_first_line(error)}") from error

    def fingerprint(self) -> dict[str, Any]:
        """Tell this input from another by path, size and change time, or by a digest of the frame."""
        if isinstance(self.table, pd.DataFrame):
            digest = hashlib.sha256(repr([*self.table.dtypes.items()]).encode())
            for _, column in self.table.items():
                digest.update(_hashed(column).to_numpy().tobytes())
            return {"frame": digest.hexdigest()}
        stat = self.table.stat()
        return {"path": str(self.table.resolve()), "bytes": stat.st_size, "changed_ns": stat.st_mtime_ns}

    @property
    def _name(self) -> str:
        return "the frame" if isinstance(self.table, pd.DataFrame) else str(self.table)

    def _is(self, suffixes: tuple[str, ...]) -> bool:
        return isinstance(self.table, Path) and self.table.name.lower().endswith(suffixes)

    def _columns(self) -> list[str]:
        if isinstance(self.table, pd.DataFrame):
            return [str(c) for c in self.table.columns]
        if not self._is(_CSV + _PARQUET):
            raise UserError(f"{self.role}: {self.table} is neither {', '.join(_CSV)} nor .parquet: convert it")
        if not self.table.is_file():
            raise UserError(f"{self.role}: no file {self.table}: check the path")
        try:
            return self._file_columns(self.table)
        except (pa.ArrowInvalid, OSError) as error:
            raise UserError(f"{self.role}: {self.table} cannot be read: {_first_line(error)}") from error

    def _file_columns(self, path: Path) -> list[str]:
        if self._is(_PARQUET):
            return [c for c in pa.parquet.read_schema(path).names if not c.startswith("__index_level_")]
        with pa.csv.open_csv(path, parse_options=_PARSE) as reader:
            return reader.schema.names

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        if isinstance(self.table, pd.DataFrame):
            for start in range(0, len(self.table), _BLOCK_ROWS):
                yield _arrow(self.table.iloc[start : start + _BLOCK_ROWS], columns)
        elif self._is(_PARQUET):
            yield from pa.parquet.ParquetFile(self.table).iter_batches(_BLOCK_ROWS, columns=columns)
        else:
            with pa.csv.open_csv(
                self.table,
                pa.csv.ReadOptions(block_size=_BLOCK_BYTES),
                _PARSE,
                _all_text(columns),
            ) as reader:
                yield from reader


def _all_text(columns: list[str]) -> pa.csv.ConvertOptions:
    """Types are told later: the reader's own guess, from the first block, fails on a later one."""
    return pa.csv.ConvertOptions(
        column_types={c: pa.string() for c in columns},
        include_columns=columns,
        strings_can_be_null=True,
        null_values=sorted(NULLS),
    )


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


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
