"""A text file of a table: how it is compressed, encoded and separated is told from its beginning."""

from __future__ import annotations

import codecs
import csv
import io
import lzma
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from nni_nasplus.errors import UserError

__all__ = ["NULLS", "TextFile"]

NULLS = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"),
    *("NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null"),
)
"""Spellings of a missing value, those of pandas, so that a file says what the frame read from it says."""
_HEAD_BYTES = 1 << 16
"""From which encoding and separator are told."""
_SEPARATORS = ",;\t|"
_AGREEING = 0.8
"""The share of rows that have as many fields as the header where a separator is the right one."""
_CODECS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
_XZ, _ZIP = b"\xfd7zXZ\x00", b"PK\x03\x04"


@dataclass(frozen=True)
class TextFile:
    """How a file is to be read.

    Parameters
    ----------
    path, role
        The file, and what errors call its table.
    encoding
        UTF-8, or UTF-16 as Excel writes "Unicode text".
    separator
        Between the fields.
    skip
        Lines before the header: 1 where Excel is told its separator by ``sep=;``.
    """

    path: Path
    role: str
    encoding: str
    separator: str
    skip: int

    @classmethod
    def at(cls, path: Path, role: str) -> TextFile:
        """Look at the beginning of a file; ``UserError`` where it is no text, or another encoding than these."""
        with _opened(path, role) as stream:
            head = stream.read(_HEAD_BYTES)
        if not head:
            raise UserError(f"{role}: {path} is empty: begin it with the names of the columns")
        encoding = _encoding(head)
        if encoding is None:
            raise UserError(f"{role}: {path} is no text: convert it to CSV or Parquet")
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError as error:
            raise _undecodable(path, role, head.count(b"\n", 0, error.start) + 1) from None
        text = text.removeprefix("\ufeff")
        if text.lower().startswith("sep=") and text[4:5] in _SEPARATORS:
            return cls(path, role, encoding, text[4], 1)
        return cls(path, role, encoding, _separator(text, len(head) == _HEAD_BYTES), 0)

    def columns(self) -> list[str]:
        """The names in the header."""
        with self._open([], _HEAD_BYTES, nulls=True) as reader:
            return list(reader.schema.names)

    def batches(self, columns: list[str], block: int, *, nulls: bool = True) -> Iterator[pa.RecordBatch]:
        """Yield the rows as text, some ``block`` bytes at a time; with ``nulls`` null where one is missing unquoted."""
        try:
            with self._open(columns, block, nulls) as reader:
                yield from reader
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            if "utf8" in str(error).lower().replace("-", "") or isinstance(error, UnicodeDecodeError):
                raise _undecodable(self.path, self.role, None) from error
            raise

    def _open(self, columns: list[str], block: int, nulls: bool) -> Any:
        return pa.csv.open_csv(
            _opened(self.path, self.role),
            pa.csv.ReadOptions(block_size=block, encoding=self.encoding, skip_rows=self.skip),
            # Quoted text may span lines, which Arrow takes for an error unless it is told.
            pa.csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            _all_text(columns, nulls),
        )


def _all_text(columns: list[str], nulls: bool) -> pa.csv.ConvertOptions:
    """Types are told later: the reader's own guess, from the first block, fails on a later one."""
    return pa.csv.ConvertOptions(
        column_types={c: pa.string() for c in columns},
        include_columns=columns,
        strings_can_be_null=nulls,
        quoted_strings_can_be_null=False,
        null_values=list(NULLS),
    )


def _opened(path: Path, role: str) -> Any:
    """The bytes of a file, decompressed whatever it is called."""
    with path.open("rb") as file:
        head = file.read(6)
    codec = next((name for magic, name in _CODECS.items() if head.startswith(magic)), None)
    if codec:
        return pa.CompressedInputStream(pa.OSFile(str(path)), codec)
    if head == _XZ:
        return pa.PythonFile(lzma.open(path), "r")
    return _member(path, role) if head.startswith(_ZIP) else pa.OSFile(str(path))


def _member(path: Path, role: str) -> Any:
    archive = zipfile.ZipFile(path)
    names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
    if "[Content_Types].xml" in names:
        raise UserError(f"{role}: {path} is an Excel workbook: save it as CSV")
    if len(names) != 1:
        raise UserError(f"{role}: {path} holds {len(names)} files: unpack it")
    return pa.PythonFile(archive.open(names[0]), "r")


def _encoding(head: bytes) -> str | None:
    """By the byte-order mark, or by where the zeros are; None where it is no text."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" not in head:
        return "utf-8"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if min(even, odd) == 0 and max(even, odd) > len(head) / 4:
        return "utf-16-le" if odd else "utf-16-be"
    return None


def _undecodable(path: Path, role: str, line: int | None) -> UserError:
    where = f" in line {line}" if line else ""
    return UserError(f"{role}: {path} is not UTF-8{where}: convert it, as by iconv -f latin1 -t utf-8 {path}")


def _separator(text: str, cut: bool) -> str:
    """The one by which most rows have as many fields as the header, and the most fields; a comma where none has."""
    return max(_SEPARATORS, key=lambda separator: _fields(text, separator, cut))


def _fields(text: str, separator: str, cut: bool) -> int:
    """The fields of the header, where most rows have as many; 1 elsewhere."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if row]
    except csv.Error:
        return 1
    rows = rows[: -1 if cut and len(rows) > 1 else None]
    width = len(rows[0]) if rows else 1
    return width if sum(len(row) == width for row in rows) >= _AGREEING * len(rows) else 1
