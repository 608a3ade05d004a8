"""Arrow columns as numbers, seconds or text, the same whether they come from CSV, Parquet or a frame."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nni_nasplus.data.events.tables.dates import COMPACT, compact_seconds, read_dates, seconds_of
from nni_nasplus.data.events.tables.numbers import bounded, canonical_number, read_numbers

__all__ = [
    "canonical",
    "flat",
    "is_missing",
    "is_number",
    "is_supported",
    "is_text",
    "to_numbers",
    "to_seconds",
    "to_text",
    "trimmed",
]

_WHOLE = re.compile(r"-?(0|[1-9]\d*)\.0*|-0|-?[1-9](\.\d+)?e\+\d\d")
"""Integers as programs write those that they keep as decimals; other texts of digits may be codes."""
_BOOL = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}
"""Truth values as pandas and spreadsheets write them, and as Arrow does."""


def is_text(array: pa.Array) -> bool:
    """Whether the values are strings."""
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_number(array: pa.Array) -> bool:
    """Whether the values are numbers of a typed source, or all of them are null."""
    test, kind = pa.types, array.type
    return test.is_integer(kind) or test.is_floating(kind) or test.is_decimal(kind) or test.is_null(kind)


def is_supported(array: pa.Array) -> bool:
    """Whether the values are strings, booleans, numbers, times or categories of these."""
    plain = flat(array)
    return is_text(array) or _is_time(plain) or is_number(plain) or pa.types.is_boolean(plain.type)


def canonical(text: str | None) -> str | None:
    """One spelling of a category, None where there is none: ``3.0`` is 3, ``-0`` is 0 and ``True`` is true."""
    text = (text or "").strip()
    if _WHOLE.fullmatch(text):
        return canonical_number(text)
    return _BOOL.get(text, text) or None


def flat(array: pa.Array) -> pa.Array:
    """Categories as their values, and all strings in one of Arrow's layouts."""
    array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    return pc.cast(array, pa.string()) if is_text(array) else array


def trimmed(array: pa.Array) -> pa.Array:
    """Strings without space around them, null where nothing is left."""
    array = pc.utf8_trim_whitespace(flat(array))
    return pc.if_else(pc.equal(array, ""), pa.scalar(None, pa.string()), array)


def is_missing(array: pa.Array) -> NDArray[np.bool_]:
    """Marks [N] of what is null, or no number among decimals."""
    missing = pc.is_null(array, nan_is_null=pa.types.is_floating(array.type))
    return missing.to_numpy(zero_copy_only=False)


def to_numbers(array: pa.Array, style: str) -> NDArray[np.float64]:
    """The values as float64 [N]; NaN where they are null, no number in this style, or not within ±1e100."""
    array = flat(array)
    if is_text(array):
        return read_numbers(array, style)
    if not is_number(array):
        return np.full(len(array), np.nan)
    return bounded(pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def to_seconds(array: pa.Array, style: str) -> NDArray[np.float64]:
    """Times as seconds since 1970 (UTC) [N]; NaN where they are null, or no date in this style."""
    array = flat(array)
    if style == COMPACT and not _is_time(array):
        return compact_seconds(to_numbers(array, "point"))
    if is_text(array):
        return read_dates(array, style)
    return seconds_of(array) if _is_time(array) else np.full(len(array), np.nan)


def to_text(array: pa.Array) -> tuple[NDArray[np.int64], list[str | None]]:
    """Codes [N] into a list of canonical texts, None among them where missing; may hold a text twice."""
    array = flat(array)
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    encoded = array.dictionary_encode(null_encoding="encode")
    texts = pc.cast(encoded.dictionary, pa.string()).to_pylist()
    return encoded.indices.to_numpy(zero_copy_only=False), [canonical(t) for t in texts]


def _is_time(array: pa.Array) -> bool:
    return pa.types.is_timestamp(array.type) or pa.types.is_date(array.type)
