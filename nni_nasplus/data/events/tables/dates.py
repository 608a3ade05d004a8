"""How dates are spelled: ISO 8601 and its relatives, days, months and years in any order, digits without separators."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nni_nasplus.data.events.tables.numbers import each_once

__all__ = ["COMPACT", "STYLES", "compact_seconds", "open_styles", "read_dates", "read_plain", "seconds_of"]

STYLES = ("day first", "month first", "year first")
"""What 03/04/05 may mean; dots put the day first, and other spellings leave nothing open."""
COMPACT = "compact"
"""The style of dates without separators, which are digits: 20240331."""
_ORDER = {"day first": r"\3-\2-\1", "month first": r"\3-\1-\2", "year first": r"\1-\2-\3"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_REST = r"([ T,].*)?$"
_REWRITTEN = (
    (r"^(\d{4})(\d{2})(\d{2})(?:[ T](\d{2}):?(\d{2}):?(\d{2})?)(.*)$", r"\1-\2-\3 \4:\5:\6\7"),
    (r"(\d)(?:st|nd|rd|th)\b", r"\1"),
    (r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})" + _REST, r"\1-\2-\3\4"),
    (r"^(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})" + _REST, r"\3-\2-\1\4"),
    (r"^(\d{1,2})[ .\-/]*@(\d{2})[ .,\-/]*(\d{4}|\d{2})" + _REST, r"\3-\2-\1\4"),
    (r"^@(\d{2})[ .\-/]*(\d{1,2}),?[ \-/]+(\d{4})" + _REST, r"\3-\1-\2\4"),
    (r"^@(\d{2}) +(\d{1,2}) +([\d:.]+)(?: +([A-Z]{2,5}|[+-]\d{4}))? +(\d{4})$", r"\5-\1-\2 \3 \4"),
)
"""Patterns, and what they are in the order of ISO 8601; @03 is March by its name."""
_CENTURY = (
    (r"^([0-6]\d-\d{1,2}-\d{1,2})" + _REST, r"20\1\2"),
    (r"^([7-9]\d-\d{1,2}-\d{1,2})" + _REST, r"19\1\2"),
)
"""Years of two digits, which POSIX takes for those from 1969 to 2068."""
_ZONE = (
    r"(?P<zone>Z|z|(?:UTC|GMT)?[+\-−]\d{1,2}(?::?\d{2})?|[A-Z]{2,5}|[A-Za-z_]+/[A-Za-z_/+\-0-9]+)"
    r"(?: *[\[(][A-Za-z_/ ]+[\])])?"
)
_TIME = (
    r"(?P<hour>\d{1,2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?)?:?"
    r" *(?P<half>[AaPp]\.?[Mm]\.?)?"
)
_ISO = rf"^(?P<year>\d{{4}})-(?P<month>\d{{1,2}})(?:-(?P<day>\d{{1,2}}))?(?:[T ,]+{_TIME} *(?:{_ZONE})?)?$"
_BEGIN = re.compile(r"\d{4}-\d\d-\d\d")
"""How a column begins for which the quick parser is worth a try."""
_HOURS = {
    **dict.fromkeys(("Z", "z", "UTC", "GMT", "WET"), 0),
    **dict.fromkeys(("WEST", "BST", "CET", "MEZ"), 1),
    **dict.fromkeys(("CEST", "MESZ", "EET"), 2),
    **dict.fromkeys(("EEST", "MSK"), 3),
    **{"JST": 9, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}
"""Abbreviations of zones: Europe's, and America's as RFC 2822 has them. Others mean several zones."""
_DIGITS = (6, 8, 12, 14)
"""Digits of a month, a day, a minute and a second without separators."""


def read_dates(array: pa.Array, style: str) -> NDArray[np.float64]:
    """Trimmed text as seconds since 1970 (UTC) [N], NaN where it is null or no date; without a zone it is UTC."""
    plain = read_plain(array)
    return plain if plain is not None else each_once(array, partial(_slow, style=style))


def compact_seconds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers [N] such as 202403, 20240331 or 20240331235959 as seconds since 1970, NaN where they are no such date."""
    whole = np.where((values >= 190001) & (values == np.trunc(values)) & (values < 1e14), values, 0)
    digits = np.floor(np.log10(np.maximum(whole, 1))).astype(np.int64) + 1
    missing = 14 - np.where(np.isin(digits, _DIGITS), digits, 14)
    rest = (whole * 10.0**missing + np.where(digits == 6, 1e6, 0)).astype(np.int64)
    parts = []
    for _ in range(5):
        rest, part = np.divmod(rest, 100)
        parts.append(part.astype(np.float64))
    second, minute, hour, day, month = parts
    year = np.where((rest >= 1900) & ((rest <= 2100) | (rest == 9999)), rest, np.nan)
    return _seconds(year, month, day, hour, minute, second)


def open_styles(array: pa.Array) -> tuple[str, ...]:
    """The ways in which text may be read as dates; none in particular where it tells the day from the month."""
    if pc.any(pc.match_substring_regex(array, r"^\s*\d{1,2}[/\-]\d{1,2}[/\-]\d")).as_py():
        return STYLES
    return (COMPACT,) if pc.all(pc.match_substring_regex(array, r"^\s*\d+(\.0*)?\s*$")).as_py() else ()


def read_plain(array: pa.Array) -> NDArray[np.float64] | None:
    """ISO 8601 as programs write it, at a tenth of the time; None where a value is spelled otherwise."""
    present = array.drop_null()[:1].to_pylist()
    if present and not _BEGIN.match(present[0]):
        return None
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return seconds_of(pc.cast(array, kind))
        except pa.ArrowInvalid:
            array = pc.replace_substring_regex(array, r"(\.\d{6})\d+", r"\1")
            array = pc.replace_substring_regex(array, r" ?(UTC|GMT)$", "Z")
    try:
        return seconds_of(pc.cast(array, pa.timestamp("us")))
    except pa.ArrowInvalid:
        return None


def seconds_of(times: pa.Array) -> NDArray[np.float64]:
    """Arrow's times as seconds since 1970 [N], NaN where they are null."""
    ticks = pc.cast(pc.cast(times, pa.timestamp("us", getattr(times.type, "tz", None)), safe=False), pa.int64())
    return pc.cast(ticks, pa.float64(), safe=False).to_numpy(zero_copy_only=False) / 1e6


def _slow(array: pa.Array, style: str) -> NDArray[np.float64]:
    found = pc.extract_regex(_in_order(array, style), _ISO)
    year, month, day, hour, minute, second = (
        _number(found, name, absent)
        for name, absent in (("year", np.nan), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))
    )
    half = pc.utf8_slice_codeunits(pc.utf8_lower(pc.struct_field(found, "half")), 0, 1).to_numpy(zero_copy_only=False)
    hour = np.where(half == "p", hour % 12 + 12, np.where(half == "a", hour % 12, hour))
    fraction = pc.cast(pc.binary_join_element_wise("0.", pc.struct_field(found, "fraction"), "0", ""), pa.float64())
    second = second + np.nan_to_num(fraction.to_numpy(zero_copy_only=False))
    return _in_utc(_seconds(year, month, day, hour, minute, second), pc.struct_field(found, "zone"))


def _in_order(array: pa.Array, style: str) -> pa.Array:
    """Year, month and day in the order of ISO 8601, as far as they are told apart."""
    array = pc.utf8_trim_whitespace(array)
    if pc.any(pc.match_substring_regex(array, r"[A-Za-z]{3}")).as_py():
        array = _without_names(array)
    slashed = (r"^(\d{1,2})[/\-](\d{1,2})[/\-](\d{4}|\d{2})" + _REST, _ORDER[style] + r"\4")
    if style == "year first":
        slashed = (r"^(\d{2})[/\-](\d{2})[/\-](\d{2})" + _REST, slashed[1])
    for pattern, replacement in (slashed, *_REWRITTEN, *_CENTURY):
        array = pc.replace_substring_regex(array, pattern, replacement)
    return array


def _without_names(array: pa.Array) -> pa.Array:
    """Without the days of the week, and with @03 for March."""
    array = pc.replace_substring_regex(array, r"(?i)^(mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]? +", "")
    for number, name in enumerate(_MONTHS, 1):
        array = pc.replace_substring_regex(array, rf"(?i)\b{name}[a-z]*\b\.?", f"@{number:02}")
    return array


def _number(found: pa.Array, name: str, absent: float) -> NDArray[np.float64]:
    """A part of dates; ``absent`` where it is left out."""
    part = pc.struct_field(found, name)
    part = pc.if_else(pc.equal(part, ""), pa.scalar(None, part.type), part)
    return pc.cast(part, pa.float64()).fill_null(absent).to_numpy(zero_copy_only=False)


def _seconds(
    year: NDArray[np.float64], month: NDArray[np.float64], day: NDArray[np.float64], *clock: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Seconds since 1970 of parts of dates [N]; NaN where the calendar has no such day, or the clock no such time."""
    hour, minute, second = clock
    valid = ~np.isnan(year) & (month >= 1) & (month <= 12) & (minute < 60) & (second < 61)
    valid &= (hour < 24) | ((hour == 24) & (minute == 0) & (second == 0))
    months = np.where(valid, (np.nan_to_num(year) - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1).astype(np.int64)
    valid &= (days.astype("datetime64[M]") == months) & (day >= 1)
    seconds = days.astype(np.int64) * 86_400.0 + hour * 3600 + minute * 60 + second
    return np.where(valid, seconds, np.nan)


def _in_utc(local: NDArray[np.float64], zones: pa.Array) -> NDArray[np.float64]:
    """Local times [N] in UTC, by the name or offset of each one's zone; NaN where a zone is unknown."""
    names = zones.fill_null("").to_numpy(zero_copy_only=False)
    utc = local.copy()
    for zone in set(names.tolist()) - {""}:
        of_zone = names == zone
        utc[of_zone] = _shifted(local[of_zone], zone)
    return utc


def _shifted(local: NDArray[np.float64], zone: str) -> NDArray[np.float64]:
    if zone in _HOURS:
        return local - 3600 * _HOURS[zone]
    if "/" in zone:
        return _by_name(local, zone)
    digits = zone.removeprefix("UTC").removeprefix("GMT").replace("−", "-").replace(":", "")
    if digits[0] not in "+-":
        return np.full(len(local), np.nan)
    hours, minutes = int(digits[1:3]), int(digits[3:] or 0)
    return local - (3600 * hours + 60 * minutes) * (-1 if digits[0] == "-" else 1)


def _by_name(local: NDArray[np.float64], zone: str) -> NDArray[np.float64]:
    """An hour that a zone has twice is its first one, and one that it skips is that after."""
    micros: Any = np.where(np.isnan(local), 0, local * 1e6).round().astype("datetime64[us]")
    try:
        times = pd.DatetimeIndex(micros).tz_localize(
            zone, ambiguous=np.ones(len(local), dtype=bool), nonexistent="shift_forward"
        )
    except (ZoneInfoNotFoundError, ValueError, KeyError):
        return np.full(len(local), np.nan)
    seconds = times.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6
    return np.where(np.isnan(local), np.nan, seconds)
