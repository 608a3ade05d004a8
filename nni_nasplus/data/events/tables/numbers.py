"""How numbers are spelled: a decimal point or comma, groups of thousands, a currency's sign, minus or parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["STYLES", "bounded", "canonical_number", "each_once", "marks_of", "read_numbers", "read_plain"]

STYLES = ("point", "comma")
"""The decimal separators; the other one, blanks and apostrophes may group the thousands."""
_LARGEST = 1e100
"""Within which squares and sums are finite: a number beyond is none."""
_BLANKS = r"\s\x{00A0}\x{2007}\x{2009}\x{202F}"
"""Space, and those spaces that do not break, which spreadsheets put between thousands."""
_MARK = (
    r"(?:(?:US|CA|A|C|R|NZ|HK|S)?\$|\p{Sc}|%|‰|kr\.?|zł|Kč|Ft|lei|Rs\.?|Fr\.|"
    r"(?:AED|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|ILS|INR|JPY|KRW|MXN|NOK|NZD|PLN|RON|RUB|SEK|SGD|TRY|USD|ZAR)"
    r"\b)"
)
"""Signs and codes of currencies, and shares; what else stands beside a number makes it a text, such as 12 kg."""
_SEPARATOR = {"point": r"\.", "comma": ","}
_GROUP = {"point": f"[,'’{_BLANKS}]", "comma": f"[.'’{_BLANKS}]"}
_FLOAT_DIGITS = 16
"""Integers of fewer digits float64 has all; with one digit more a text tells any two float64 apart."""
_CANONICAL = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)
"""A number as programs write it; with leading zeros it is a code."""


def _pattern(style: str) -> str:
    """Two to three digits a group, as India has lakhs; a decimal number's zero begins no group; 5.- are no cents."""
    group, separator, blank = _GROUP[style], _SEPARATOR[style], f"[{_BLANKS}]*"
    whole = rf"(?P<whole>\d+|[1-9]\d{{0,2}}(?:{group}\d{{2,3}})*{group}\d{{3}})"
    return (
        rf"^{blank}(?P<open>\()?{blank}(?P<sign>[+\-−–])?{blank}(?P<mark>{_MARK})?{blank}(?P<inner>[+\-−–])?"
        rf"(?:{whole}(?:{separator}(?P<fraction>[\-–—]{{1,2}}|\d*))?|{separator}(?P<bare>\d+))(?P<exponent>[eE][+\-]?\d{{1,3}})?"
        rf"{blank}(?P<unit>{_MARK})?{blank}(?P<minus>[\-−–])?{blank}(?P<close>\))?{blank}$"
    )


_MARKED = rf"^{_MARK}[{_BLANKS}]?(\d)|(\d)[{_BLANKS}]?{_MARK}$"
"""The one mark of most numbers that have any."""
_PATTERN = {style: _pattern(style) for style in STYLES}


def read_numbers(array: pa.Array, style: str) -> NDArray[np.float64]:
    """The values [N] of text; NaN where it is null, no number in this style, or not within ±1e100."""
    for written in (array, pc.replace_substring_regex(array, _MARKED, r"\1\2")):
        values = _read_usual(written, style)
        if values is not None:
            return values
    return bounded(each_once(array, partial(_slow, style=style)))


def each_once(array: pa.Array, read: Callable[[pa.Array], NDArray[np.float64]]) -> NDArray[np.float64]:
    """What is read of text [N], NaN where it is null, by patterns that take microseconds for each different text."""
    encoded = array.dictionary_encode()
    values = np.append(read(encoded.dictionary), np.nan)
    return values[encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False)]


def bounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, NaN where they are not within ±1e100."""
    return np.where(np.abs(values) <= _LARGEST, values, np.nan)


def marks_of(array: pa.Array, style: str) -> set[str]:
    """The currencies and per cent signs beside the numbers, "" among them where a number other than 0 has none."""
    if not pc.any(pc.match_substring_regex(array, r"[^\d.,+\-eE]")).as_py():
        return set()
    alike = pc.replace_substring_regex(array, "[1-9]", "1").unique()  # of one spelling there are few
    found = pc.extract_regex(alike, _PATTERN[style]).drop_null()
    marks = pc.binary_join_element_wise(pc.struct_field(found, "mark"), pc.struct_field(found, "unit"), "")
    zero = pc.match_substring_regex(_digits(found), r"^[0.]*$")
    return set(pc.unique(marks.filter(pc.or_(pc.invert(zero), pc.not_equal(marks, "")))).to_pylist())


def canonical_number(text: str) -> str | None:
    """The one spelling of a number, exactly; None where the text is none, or begins with zeros as a code does."""
    if text.isdecimal() and text.isascii() and text[0] != "0":
        return text
    if not _CANONICAL.fullmatch(text):
        return None
    plain = format(_exact(text), "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def _exact(text: str) -> Decimal:
    """The number; a large one in exponents is that of float64, whose shortest text leaves the last digits open."""
    number = Decimal(text)
    is_short = "e" in text.lower() and len(number.as_tuple().digits) <= _FLOAT_DIGITS + 1
    return Decimal(float(text)) if is_short and abs(number) >= 10 ** (_FLOAT_DIGITS - 1) else number


def read_plain(array: pa.Array) -> NDArray[np.float64] | None:
    """Text [N] as programs write numbers, at a tenth of the time; None where a value is spelled otherwise."""
    try:
        return bounded(pc.cast(array, pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None


def _read_usual(array: pa.Array, style: str) -> NDArray[np.float64] | None:
    """Text [N] of digits, a separator and perhaps groups of three; None where a value is spelled otherwise."""
    group, separator = (",", ".") if style == "point" else (".", ",")
    if pc.any(pc.match_substring(array, group)).as_py():
        grouped = rf"^-?(\d+|[1-9]\d{{0,2}}(\{group}\d{{3}})+)(\{separator}\d*)?$"
        if not pc.all(pc.match_substring_regex(array, grouped)).as_py():
            return None
        array = pc.replace_substring(array, group, "")
    return read_plain(pc.replace_substring(array, separator, "."))


def _slow(array: pa.Array, style: str) -> NDArray[np.float64]:
    found = pc.extract_regex(array, _PATTERN[style])
    values = pc.cast(_digits(found), pa.float64()).to_numpy(zero_copy_only=False)
    minus = [pc.struct_field(found, name) for name in ("open", "sign", "inner", "minus")]
    is_negative = pc.match_substring_regex(pc.binary_join_element_wise(*minus, ""), r"[(\-−–]")
    return np.where(is_negative.fill_null(False), -values, values)


def _digits(found: pa.Array) -> pa.Array:
    """The numbers as Arrow reads them."""
    whole = pc.replace_substring_regex(pc.struct_field(found, "whole"), r"\D", "")
    fraction = pc.binary_join_element_wise(pc.struct_field(found, "fraction"), pc.struct_field(found, "bare"), "")
    fraction = pc.replace_substring_regex(fraction, r"\D", "")
    unsigned = pc.binary_join_element_wise(whole, pc.binary_join_element_wise(fraction, "0", ""), ".")
    return pc.binary_join_element_wise(unsigned, pc.struct_field(found, "exponent"), "")
