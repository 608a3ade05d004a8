"""Numbers as people write them are the same read by themselves, quickly, and beside some of unusual spellings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from nni_nasplus.data.events.tables.numbers import marks_of, read_numbers

UNUSUAL = "(7)"
"""What no quick way reads."""


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("$12.50", 12.5, None),
        ("12,50 €", None, 12.5),
        ("-$3", -3, -3),
        ("-3 kr.", -3, -3),
        ("USD 1,234,567.5", 1234567.5, None),
        ("1.234,5%", None, 1234.5),
        ("1,234", 1234, 1.234),
        ("0,123", None, 0.123),
        ("1,00,000", 100000, None),
        ("12,34", None, 12.34),
        ("5 $ 5", None, None),
        ("USD5", None, None),
        ("$", None, None),
        (".5$", 0.5, None),
        ("€1e3", 1000, 1000),
    ],
)
def test_a_number_is_the_same_in_any_company(text, point, comma):
    for style, value in (("point", point), ("comma", comma)):
        expected = np.nan if value is None else value
        for company in ([], [UNUSUAL], [None, text]):
            values = read_numbers(pa.array([text, *company], pa.string()), style)
            np.testing.assert_array_equal(values[0], expected, f"{style}, beside {company}")


def test_the_marks_beside_numbers_are_told():
    texts = pa.array(["$1.50", "$23,456.70", "0", "5 €", "n/a", None])
    assert marks_of(texts, "point") == {"$", "€"}
    assert marks_of(pa.array(["$1.50", "2"]), "point") == {"$", ""}
