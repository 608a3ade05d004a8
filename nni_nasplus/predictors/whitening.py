"""The inverse root of a covariance, which grows by a row for each result."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dtrtri

__all__ = ["BLOCK", "Kernel", "Whitening"]

BLOCK = 50
"""A covariance of 500 is decomposed in milliseconds, and a row is added in a fifth of one: with as many rows between
decompositions hardly any proposal waits for one, and one that is made anew adds few rows."""
# While rows are few, decomposing takes no longer than adding one, and solving no longer than a product; it rounds less.
_FEW = 64
# The product of a triangle by strips leaves out most of what is zero; thinner ones make products slow.
_STRIP = 128

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""The covariance of every row with every other: float [m, f], [n, f] → [m, n]."""


class Whitening(NamedTuple):
    """L⁻¹, where L Lᵀ is the covariance of some rows: what makes them independent, of variance 1.

    It is a function of the rows, to the last bit: whether it grew or was made at once, the first rows, up to a multiple
    of :data:`BLOCK`, are decomposed together and each further one is added by itself, in time with the square of their
    number (Golub and Van Loan, *Matrix Computations*, 4.2.9).
    """

    rows: np.ndarray
    """What the covariance is of; float [n, f]."""
    triangle: np.ndarray
    """L of at most 64 rows, L⁻¹ of more; float [n, n]."""

    @classmethod
    def none(cls, width: int) -> Whitening:
        """That of no row, of so many features."""
        return cls(np.zeros((0, width)), np.zeros((0, 0)))

    def of(self, rows: np.ndarray, kernel: Kernel, noise: float) -> Whitening:
        """That of other rows under the same kernel; what they begin with in common is not worked out again.

        Parameters
        ----------
        rows
            Float [n, f].
        kernel
            The covariance without the noise.
        noise
            Is added to the diagonal.
        """
        if len(rows) <= _FEW:
            return Whitening(rows, _root(rows, kernel, noise))
        begun = self._begun(rows, kernel, noise)
        inverse = np.zeros((len(rows), len(rows)))
        inverse[: len(begun), : len(begun)] = begun
        for row in range(len(begun), len(rows)):
            _add(inverse, row, kernel(rows[: row + 1], rows[row : row + 1])[:, 0], noise)
        return Whitening(rows, inverse)

    def _begun(self, rows: np.ndarray, kernel: Kernel, noise: float) -> np.ndarray:
        """L⁻¹ of the first rows: of all that are known already, or else of those that are decomposed together."""
        together, known = _together(len(rows)), _common(self.rows, rows)
        if len(self.rows) > _FEW and _together(len(self.rows)) == together <= known:
            return self.triangle[:known, :known]
        inverse: np.ndarray = dtrtri(_root(rows[:together], kernel, noise), lower=True)[0]
        return inverse

    def __call__(self, covariance: np.ndarray) -> np.ndarray:
        """L⁻¹ times covariances with the rows; float [n, m] → [n, m]."""
        count = len(self.rows)
        if not count:
            return np.zeros(covariance.shape)
        if count <= _FEW:
            return solve_triangular(self.triangle, covariance, lower=True, check_finite=False)
        found = np.empty(covariance.shape)
        for begin in range(0, count, _STRIP):
            strip = slice(begin, begin + _STRIP)
            np.matmul(self.triangle[strip, : strip.stop], covariance[: strip.stop], out=found[strip])
        return found


def _together(count: int) -> int:
    """How many rows are decomposed together."""
    return count if count <= _FEW else (count - 1) // BLOCK * BLOCK


def _common(known: np.ndarray, rows: np.ndarray) -> int:
    """How many rows both begin with."""
    shared = min(len(known), len(rows))
    differs = (known[:shared] != rows[:shared]).any(axis=1)
    return int(differs.argmax()) if differs.any() else shared


def _root(rows: np.ndarray, kernel: Kernel, noise: float) -> np.ndarray:
    """L; float [n, n]."""
    covariance = kernel(rows, rows)
    covariance[np.diag_indices_from(covariance)] += noise
    return np.linalg.cholesky(covariance)


def _add(inverse: np.ndarray, row: int, covariance: np.ndarray, noise: float) -> None:
    """Fill a row of L⁻¹ in, from its covariance with the rows before and with itself; float [row + 1]."""
    before = inverse[:row, :row]
    root = before @ covariance[:row]
    left = np.sqrt(max(covariance[row] + noise - root @ root, noise))
    inverse[row, :row] = -(root @ before) / left
    inverse[row, row] = 1.0 / left
