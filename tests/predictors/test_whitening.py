"""The inverse root of a covariance, as it grows."""

from __future__ import annotations

import numpy as np
import pytest

from nni_nasplus.predictors.whitening import Whitening

NOISE = 0.05
ROWS = np.random.default_rng(0).normal(size=(180, 4))


def kernel(a, b):
    return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1)) + 10.0


def made(rows):
    return Whitening.none(4).of(rows, kernel, NOISE)


@pytest.mark.parametrize("count", [0, 1, 64, 65, 100, 101, 180])
def test_it_makes_rows_independent(count):
    rows, new = ROWS[:count], ROWS[:7] + 0.1
    covariance = kernel(rows, rows) + NOISE * np.eye(count)
    whitened = made(rows)(kernel(rows, new))
    expected = kernel(new, rows) @ np.linalg.solve(covariance, kernel(rows, new))
    np.testing.assert_allclose(whitened.T @ whitened, expected, atol=1e-9)


def test_one_that_grew_is_one_made_at_once_to_the_last_bit():
    grown = Whitening.none(4)
    for count in range(60, 153):
        grown = grown.of(ROWS[:count], kernel, NOISE)
        if count in (64, 65, 99, 101, 152):
            np.testing.assert_array_equal(grown.triangle, made(ROWS[:count]).triangle)


def test_other_rows_at_the_end_leave_what_was_made_before_as_it_is():
    before = made(ROWS[:120])
    kept = before.triangle.copy()
    other = before.of(np.vstack([ROWS[:110], ROWS[150:165]]), kernel, NOISE)
    np.testing.assert_array_equal(before.triangle, kept)
    np.testing.assert_array_equal(other.triangle, made(other.rows).triangle)


def test_fifty_rows_that_become_seventy_at_once_are_no_inverse_yet():
    np.testing.assert_array_equal(made(ROWS[:50]).of(ROWS[:70], kernel, NOISE).triangle, made(ROWS[:70]).triangle)


def test_equal_rows_are_no_trouble():
    rows = np.repeat(ROWS[:2], 60, axis=0)
    assert np.isfinite(made(rows)(kernel(rows, ROWS))).all()
