"""The files that a table is in: one, a folder of parts, or all that a pattern names."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from nni_nasplus.errors import UserError

__all__ = ["Format", "format_of", "partition_of", "parts_of"]

Format = Literal["csv", "parquet"]
_TEXT = (".csv", ".tsv", ".tab", ".txt", ".asc")
_PARQUET = (".parquet", ".pq")
_PACKED = (".gz", ".bz2", ".zst", ".xz", ".lz4", ".zip")
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save it as CSV",
    b"ARROW1": "a Feather file: convert it to Parquet",
    b"ORC": "an ORC file: convert it to Parquet",
    b"SQLite format 3": "a database: write its table as CSV",
    b"\x89HDF": "an HDF5 file: write its table as CSV",
    b"%PDF": "a PDF: write its table as CSV",
}
"""How files begin that hold tables in a way that is not read here."""
_DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""Spark's name of the part whose key is null."""


def parts_of(table: Path, role: str) -> list[Path]:
    """The files of a table in order of their names; those whose names begin with ``_`` or ``.`` are none of it.

    Parameters
    ----------
    table
        A file, a folder such as Spark writes, or a pattern such as ``part-*.csv``.
    role
        What errors call the table.

    Raises
    ------
    UserError
        If there is no such file, or its name is that of another kind of file.
    """
    if table.is_dir():
        return _in_folder(table, role)
    if table.exists() or not glob.has_magic(str(table)):
        _require_table(table, role)
        if not table.exists():
            raise UserError(f"{role}: no file {table}: check the path")
        return [table]
    start = Path(table.anchor)
    found = sorted(start.glob(str(table.relative_to(start))))
    parts = [part for entry in found for part in (_in_folder(entry, role) if entry.is_dir() else [entry])]
    if not parts:
        raise UserError(f"{role}: no file is named like {table}: check the path")
    for part in parts:
        _require_table(part, role)
    return parts


def format_of(path: Path, role: str) -> Format:
    """Whether a file is Parquet or text, by its first bytes; ``UserError`` where it is known to be neither."""
    with path.open("rb") as file:
        head = file.read(16)
    for begin, what in _OTHERS.items():
        if head.startswith(begin):
            raise UserError(f"{role}: {path} is {what}")
    return "parquet" if head.startswith(b"PAR1") or _is_named(path, _PARQUET) else "csv"


def partition_of(part: Path, table: Path) -> dict[str, str | None]:
    """The columns that folders ``key=value`` between a table's folder and its part stand for."""
    folders = part.relative_to(table).parts[:-1] if table in part.parents else ()
    pairs = [folder.partition("=") for folder in folders if "=" in folder]
    return {unquote(key): None if value == _DEFAULT_PARTITION else unquote(value) for key, _, value in pairs}


def _in_folder(folder: Path, role: str) -> list[Path]:
    if (folder / "_delta_log").is_dir():
        raise UserError(f"{role}: {folder} is a Delta table, of which not all files count: write it as Parquet")
    inside = [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_visible(path, folder)]
    parts = [path for path in inside if _is_named(path, _TEXT + _PARQUET)]
    if not parts:
        raise UserError(f"{role}: {folder} is a folder without a CSV or Parquet file: check the path")
    if len({_is_named(path, _PARQUET) for path in parts}) > 1:
        raise UserError(f"{role}: {folder} holds both CSV and Parquet: name one kind, as in '{folder}/*.parquet'")
    return parts


def _is_visible(path: Path, folder: Path) -> bool:
    return not any(part.startswith(("_", ".")) and "=" not in part for part in path.relative_to(folder).parts)


def _require_table(path: Path, role: str) -> None:
    if Path(_unpacked(path)).suffix and not _is_named(path, _TEXT + _PARQUET):
        raise UserError(f"{role}: {path} is neither {', '.join(_TEXT)} nor .parquet: convert it")


def _is_named(path: Path, suffixes: tuple[str, ...]) -> bool:
    return _unpacked(path).endswith(suffixes)


def _unpacked(path: Path) -> str:
    """The name without the suffix of a compression."""
    name = path.name.lower()
    return name.removesuffix(next((end for end in _PACKED if name.endswith(end)), ""))
