"""Arrow columns as numbers, seconds or text, the same whether they come from CSV, Parquet or a frame."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["NULLS", "canonical", "is_supported", "is_text", "to_numbers", "to_seconds", "to_text"]

NULLS = frozenset(["", "#N/A", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null"])
"""Spellings of a missing value, nearly those of pandas, so that a file says what the frame read from it says."""
_LARGEST = 1e100
"""Within which squares and sums are finite."""
_WHOLE = re.compile(r"-?\d+\.0+")
"""Integers as pandas writes them where one of their column is missing."""
_BOOL = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}
"""Truth values as pandas and spreadsheets write them, and as Arrow does."""


def is_text(array: pa.Array) -> bool:
    """Whether the values are strings."""
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_supported(array: pa.Array) -> bool:
    """Whether the values are strings, booleans, numbers, times or categories of these."""
    kind = _plain(array).type
    time = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    return is_text(array) or time or _is_number(kind) or pa.types.is_boolean(kind)


def canonical(text: str | None) -> str | None:
    """One spelling of a category, None where missing: ``3.0`` is 3 and ``True`` is true."""
    text = (text or "").strip()
    if text in NULLS:
        return None
    if _WHOLE.fullmatch(text):
        return text.partition(".")[0]
    return _BOOL.get(text, text)


def to_numbers(array: pa.Array) -> NDArray[np.float64] | None:
    """The values as float64 [N], NaN where they are missing or not within ±1e100; None if one is no number."""
    array = _plain(array)
    if is_text(array):
        array = _nulled(array)
    elif not _is_number(array.type):
        return None
    try:
        values = pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return np.where(np.abs(values) <= _LARGEST, values, np.nan)


def to_seconds(array: pa.Array) -> NDArray[np.float64] | None:
    """Times or ISO 8601 text as seconds since 1970 (UTC) [N], NaN where missing; None if a value is neither."""
    array = _plain(array)
    if is_text(array):
        parsed = _parse(_nulled(array))
    elif pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        parsed = array
    else:
        return None
    if parsed is None:
        return None
    zone = getattr(parsed.type, "tz", None)
    ticks = pc.cast(pc.cast(parsed, pa.timestamp("us", zone), safe=False), pa.int64())
    return pc.cast(ticks, pa.float64(), safe=False).to_numpy(zero_copy_only=False) / 1e6


def to_text(array: pa.Array) -> tuple[NDArray[np.int64], list[str | None]]:
    """Codes [N] into a list of canonical texts, None among them where missing; may hold a text twice."""
    encoded = _plain(array).dictionary_encode(null_encoding="encode")
    texts = pc.cast(encoded.dictionary, pa.string()).to_pylist()
    return encoded.indices.to_numpy(zero_copy_only=False), [canonical(t) for t in texts]


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_number(kind: pa.DataType) -> bool:
    test = pa.types
    return test.is_integer(kind) or test.is_floating(kind) or test.is_decimal(kind) or test.is_null(kind)


def _nulled(array: pa.Array) -> pa.Array:
    """Trimmed, with null for the spellings of a missing value."""
    array = pc.utf8_trim_whitespace(array)
    nulls = pa.array(sorted(NULLS), array.type)
    return pc.if_else(pc.is_in(array, nulls), pa.scalar(None, array.type), array)


def _parse(array: pa.Array) -> pa.Array | None:
    try:
        return pc.cast(array, pa.timestamp("us"))
    except pa.ArrowInvalid:
        return _parse_zoned(array)


def _parse_zoned(array: pa.Array) -> pa.Array | None:
    """The slower parser, which takes time zones and nanoseconds; a bare number is no time."""
    if pc.any(pc.match_substring_regex(array, r"^[+-]?[0-9.]*$")).as_py():
        return None
    try:
        times = pd.to_datetime(array.to_pandas(), utc=True, format="ISO8601")
    except ValueError:
        return None
    return pa.Array.from_pandas(times.dt.tz_localize(None))
