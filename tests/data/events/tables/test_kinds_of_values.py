"""What a column is taken for, and what its values are: a row a spelling."""

from __future__ import annotations

import csv
import warnings
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from nni_nasplus.data.events.tables.column import Wanted
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.data.events.tables.spool import spool
from nni_nasplus.errors import UserError

MANY = [round(1.25 + 3.5 * i, 2) for i in range(60)]
"""Different numbers, as many as those of a column that measures something."""
DAYS = [f"2024-03-{i:02}" for i in range(1, 32)] * 2
LARGE = [1000.0 + 1234 * i for i in range(60)]


def written(folder, values, separator=","):
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerows([["n", "x"], *enumerate(values)])
    return folder / "t.csv"


def taken(folder, table, **wanted):
    """The kind of column x, its values, and what is told of it."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        spooled = spool(Source(table, "events"), {"x": Wanted(**wanted)}, folder, progress=False)
    raw = spooled["x"]
    values = [raw.texts[int(v)] for v in raw.values if not np.isnan(v)] if raw.kind == "text" else raw.values.tolist()
    return raw.kind, values, "\n".join(str(w.message) for w in told)


def comma(value):
    return f"{value:.2f}".replace(".", ",")


def grouped(value, group=",", decimal="."):
    return f"{value:,.2f}".replace(",", "_").replace(".", decimal).replace("_", group)


NUMBERS = {
    "plain": (str, MANY),
    "exponents": ("{:e}".format, MANY),
    "plus signs": ("+{}".format, MANY),
    "quoted spaces": (" {} ".format, MANY),
    "decimal commas": (comma, MANY),
    "thousands by comma": (grouped, LARGE),
    "thousands by point": (lambda v: grouped(v, ".", ","), LARGE),
    "thousands by space": (lambda v: grouped(v, " ", ","), LARGE),
    "thousands by hard space": (lambda v: grouped(v, "\u00a0", ","), LARGE),
    "thousands by thin space": (lambda v: grouped(v, "\u202f"), LARGE),
    "thousands by apostrophe": (lambda v: grouped(v, "'"), LARGE),
    "whole millions": (lambda v: f"{v:,.0f}", [7.0, *(1e6 + v for v in LARGE)]),
    "millions by point": (lambda v: f"{v:,.0f}".replace(",", "."), [1e6 + v for v in LARGE]),
    "lakhs": (lambda v: f"1,23,{int(v) % 1000:03}.50", [123000 + i + 0.5 for i in range(60)]),
    "dollars": ("${}".format, MANY),
    "dollars and thousands": (lambda v: f"${v:,.2f}", LARGE),
    "dollars of a country": ("US$ {}".format, MANY),
    "euros behind": (lambda v: f"{comma(v)} €", MANY),
    "francs and no cents": (lambda v: f"{v:.0f}.-", [float(i) for i in range(60)]),
    "codes of a currency": ("EUR {}".format, MANY),
    "crowns": (lambda v: f"{comma(v)} kr", MANY),
    "per cent": ("{}%".format, MANY),
    "parentheses": (lambda v: f"({-v:.2f})" if v < 0 else f"{v:.2f}", [v - 80 for v in MANY]),
    "losses in dollars": (lambda v: f"-${-v:.2f}" if v < 0 else f"${v:.2f}", [v - 80 for v in MANY]),
    "minus behind": (lambda v: f"{-v:.2f}-" if v < 0 else f"{v:.2f}", [v - 80 for v in MANY]),
    "typographic minus": (lambda v: f"{v:.2f}".replace("-", "−"), [v - 80 for v in MANY]),
    "no zero before the point": (lambda v: f"{v:.2f}".lstrip("0"), [i / 100 for i in range(1, 60)]),
    "zeros in front": (lambda v: f"{v:09.2f}", MANY),
}


@pytest.mark.parametrize("case", NUMBERS)
@pytest.mark.parametrize("store", ["csv", "frame"])
def test_numbers_are_read_however_they_are_spelled(tmp_path, case, store):
    spell, values = NUMBERS[case]
    texts = [spell(v) for v in values]
    table = written(tmp_path, texts) if store == "csv" else pd.DataFrame({"x": texts})
    kind, read, told = taken(tmp_path, table)
    assert (kind, told) == ("number", "")
    assert read == pytest.approx(values, rel=1e-6)


STRAYS = {
    "one unknown": ([*map(str, MANY), "unknown"], "is no number and taken for missing, the first 'unknown' in row 61"),
    "question marks": ([*map(str, MANY), *["?"] * 30], "30 values are no number and taken for missing"),
    "dashes at the beginning": ([*["-"] * 40, *map(str, MANY)], "40 values are no number"),
    "mostly question marks": ([*["?"] * 300, *map(str, MANY)], "300 values are no number"),
    "two words for missing": ([*["n.a."] * 30, *["unknown"] * 30, *map(str, MANY)], "60 values are no number"),
    "one word among commas": ([*map(comma, MANY), "x"], "1 value is no number"),
    "dates of none": ([*DAYS, *["0000-00-00"] * 20], "20 values are no date and taken for missing"),
    "too large": ([*map(str, MANY), "1e300"], "1 value is no number"),
}


@pytest.mark.parametrize("case", STRAYS)
def test_a_few_values_that_are_no_numbers_count_as_missing(tmp_path, case):
    texts, message = STRAYS[case]
    kind, read, told = taken(tmp_path, written(tmp_path, texts))
    assert message in told
    want = MANY if kind == "number" else [pd.Timestamp(day).timestamp() for day in DAYS]
    assert [v for v in read if not np.isnan(v)] == want


TEXTS = {
    "words": ["north", "south"] * 30,
    "codes": ["x9", "7", "8.5"] * 20,
    "codes with letters": [f"{i}A" for i in range(60)],
    "units": [f"{v} kg" for v in MANY],
    "addresses": [f"10.0.0.{i}" for i in range(60)],
    "clock times": [f"{i % 24:02}:30" for i in range(60)],
    "ratings": ["1", "2", "3", "unknown"] * 15,
}


@pytest.mark.parametrize("case", TEXTS)
def test_text_stays_text(tmp_path, case):
    kind, read, told = taken(tmp_path, written(tmp_path, TEXTS[case]))
    assert (kind, read, told) == ("text", TEXTS[case], "")


def test_a_column_of_numbers_and_words_that_is_taken_for_text_says_so(tmp_path):
    kind, _, told = taken(tmp_path, written(tmp_path, [*map(str, MANY), *(f"word {i}" for i in range(20))]))
    assert kind == "text"
    assert "taken for text because of 20 that are no numbers or dates, the first 'word 0' in row 61" in told


TYPED = {
    "missing by name": ["NA", "None", "null", "nan", "EU"],
    "codes of digits": [str(10_000 + i) for i in range(60)],
    "postcodes": [f"{i:05}" for i in range(60)],
    "few decimals": ["1.5", "2.5", "1.50"] * 20,
}


@pytest.mark.parametrize("case", TYPED)
def test_strings_of_a_typed_table_are_values(tmp_path, case):
    kind, read, _ = taken(tmp_path, pd.DataFrame({"x": TYPED[case]}))
    assert (kind, read) == ("text", TYPED[case])


DAY = datetime(2024, 3, 31, tzinfo=UTC).timestamp()
NOON = DAY + 12 * 3600
DATES = {
    "2024-03-31": DAY,
    "2024-03-31 12:00": NOON,
    "2024-03-31T12:00:00Z": NOON,
    "2024-03-31 12:00:00 UTC": NOON,
    "2024-03-31 12:00:00.000000 UTC": NOON,
    "2024-03-31 12:00:00.0000001": NOON,
    "2024-03-31T12:00:00.000000001Z": NOON,
    "2024-03-31 14:00:00+02:00": NOON,
    "2024-03-31 17:30:00 +0530": NOON,
    "2024-03-31T14:00:00+02:00[Europe/Berlin]": NOON,
    "2024-03-31 14:00:00 Europe/Berlin": NOON,
    "2024-03-31 14:00 CEST": NOON,
    "2024-03-31 08:00:00 EDT": NOON,
    "2024/03/31": DAY,
    "2024.03.31 12:00:00": NOON,
    "31.03.2024": DAY,
    "31.3.2024 12:00": NOON,
    "31.03.24": DAY,
    "31/03/2024": DAY,
    "03/31/2024 12:00:00": NOON,
    "3/31/24": DAY,
    "03/31/2024 12:00 PM": NOON,
    "31-03-2024": DAY,
    "31-Mar-2024": DAY,
    "31-MAR-24": DAY,
    "Mar 31 2024": DAY,
    "March 31st, 2024": DAY,
    "31 March 2024 12:00": NOON,
    "Sun, 31 Mar 2024 12:00:00 GMT": NOON,
    "Sun Mar 31 12:00:00 2024": NOON,
    "Sun Mar 31 12:00:00 UTC 2024": NOON,
    "20240331": DAY,
    "20240331.0": DAY,
    "20240331120000": NOON,
    "202403311200": NOON,
    "20240331T120000Z": NOON,
    "9999-12-31": datetime(9999, 12, 31, tzinfo=UTC).timestamp(),
    "9999-12-31T23:59:59.9999999Z": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC).timestamp(),
    "1899-12-30": datetime(1899, 12, 30, tzinfo=UTC).timestamp(),
}


@pytest.mark.parametrize("text", DATES)
@pytest.mark.parametrize("store", ["csv", "frame"])
def test_dates_are_read_however_they_are_spelled(tmp_path, text, store):
    table = written(tmp_path, [text, ""]) if store == "csv" else pd.DataFrame({"x": [text, None]})
    kind, read, _ = taken(tmp_path, table, kind="time")
    assert kind == "seconds"
    assert read[0] == pytest.approx(DATES[text], abs=1e-4)
    assert np.isnan(read[1])


@pytest.mark.parametrize("value", [1711886400, 1711886400000, 17.5, 20241331, 5])
def test_other_numbers_are_no_dates(tmp_path, value):
    assert taken(tmp_path, pd.DataFrame({"x": [value, value + 1]}), kind="time")[:2] == ("number", [value, value + 1])
    assert taken(tmp_path, written(tmp_path, [value, value + 1]), kind="time")[:2] == ("number", [value, value + 1])


def test_the_order_of_day_and_month_is_told_by_the_column(tmp_path):
    for texts, month in ((["03/04/2024", "31/03/2024"], 4), (["03/04/2024", "03/31/2024"], 3)):
        read = taken(tmp_path, written(tmp_path, texts), kind="time")[1]
        assert datetime.fromtimestamp(read[0], UTC).month == month


def test_both_orders_in_one_column_are_named(tmp_path):
    with pytest.raises(UserError, match="row 51 of column 'x' holds '03/31/2024', which is no time"):
        taken(tmp_path, written(tmp_path, ["31/03/2024"] * 50 + ["03/31/2024"] * 49), kind="time", complete=True)


def test_where_day_and_month_could_be_either_it_asks(tmp_path):
    with pytest.raises(UserError, match="'03/04/2024', where day and month could be either: write them as 2024-01-31"):
        taken(tmp_path, written(tmp_path, ["03/04/2024", "05/06/2024"]), kind="time")
    read = taken(tmp_path, written(tmp_path, ["03/04/2024"]), kind="seconds", style="month first")[1]
    assert datetime.fromtimestamp(read[0], UTC).month == 3


def test_a_number_with_a_comma_could_be_either_and_says_what_it_is_taken_for(tmp_path):
    texts = [f"{i},{500 + i}" for i in range(1, 60)]
    assert "'1,501' is read as 1501" in taken(tmp_path, written(tmp_path, texts))[2]
    assert "'1,501' is read as 1.501" in taken(tmp_path, written(tmp_path, texts, ";"))[2]
    assert taken(tmp_path, written(tmp_path, texts), kind="number", style="comma")[1][0] == 1.501


@pytest.mark.parametrize("texts", [["$1.5", "€2.5"], ["5%", "0.05"]])
def test_numbers_in_two_units_are_refused(tmp_path, texts):
    with pytest.raises(UserError, match="column 'x' mixes numbers with"):
        taken(tmp_path, written(tmp_path, texts * 30))


LATE = {
    "a word": ([*map(str, MANY)] * 20 + ["n.a."], "number"),
    "many words": ([*map(str, MANY)] * 20 + [f"w{i}" for i in range(600)], "text"),
    "numbers after words": (["?"] * 400 + [*map(str, MANY)] * 20, "number"),
    "a decimal comma": ([f"1,{500 + i}" for i in range(60)] * 20 + ["1,5"], "number"),
    "the thirteenth": (["03/04/2024"] * 1000 + ["13/04/2024"], "seconds"),
    "more words than are kept": (["?", "!"] * 40 + [str(i + 0.5) for i in range(900)], "number"),
    "no date": (["20240331"] * 1000 + ["20240399"] * 900, "number"),
}


@pytest.mark.parametrize("case", LATE)
def test_a_late_block_is_heeded(tmp_path, monkeypatch, case):
    monkeypatch.setattr("nni_nasplus.data.events.tables.source._BLOCK_BYTES", 600)
    monkeypatch.setattr("nni_nasplus.data.events.tables.column._MANY_TEXTS", 100)
    texts, kind = LATE[case]
    found, read, _ = taken(tmp_path, written(tmp_path, texts))
    assert found == kind
    if case == "a decimal comma":
        assert read[-1] == 1.5


def test_bytes_that_are_no_text_are_named(tmp_path):
    damaged = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\x8a")])
    pa.parquet.write_table(pa.table({"x": damaged}), tmp_path / "t.parquet")
    with pytest.raises(UserError, match="column 'x' holds bytes that are no UTF-8"):
        taken(tmp_path, tmp_path / "t.parquet", kind="text")
