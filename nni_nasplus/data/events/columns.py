"""How one column is encoded: fitted on training events, kept as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.events.spool import Kind, RawColumn

__all__ = ["MISSING", "UNKNOWN", "CategoricalColumn", "NumericColumn", "fit_column"]

UNKNOWN = 0
MISSING = 1
_FIRST = 2
_LIMIT = 1e300
_FEW = 32
"""Integers of at most this many values are taken for categories."""


@dataclass(frozen=True)
class CategoricalColumn:
    """Code 0 for a rare or unseen value, 1 for a missing one, 2… for ``values``, the most frequent first.

    ``kind``: "number" where the values were integers, however they are spelt in other data.
    """

    name: str
    values: tuple[str, ...]
    kind: Kind

    @property
    def cardinality(self) -> int:
        """The number of codes."""
        return len(self.values) + _FIRST

    @classmethod
    def fit(cls, name: str, raw: RawColumn, min_count: int) -> CategoricalColumn:
        """The values seen at least ``min_count`` times, by frequency and then by name."""
        seen, counts = np.unique(raw.values[~np.isnan(raw.values)], return_counts=True)
        often = counts >= min_count
        ranked = sorted(zip(-counts[often], _texts(seen[often], raw), strict=True))
        return cls(name, tuple(text for _, text in ranked), raw.kind)

    def encode(self, raw: RawColumn) -> NDArray[np.int32]:
        """[N] codes."""
        code = {text: i for i, text in enumerate(self.values, _FIRST)}
        seen, inverse = np.unique(raw.values, return_inverse=True)
        table = np.full(len(seen), MISSING, dtype=np.int32)
        known = ~np.isnan(seen)
        texts = _texts(seen[known], raw)
        if self.kind == "number":
            texts = [_respelt(text) for text in texts]
        table[known] = [code.get(text, UNKNOWN) for text in texts]
        return table[inverse]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "values": list(self.values)}


@dataclass(frozen=True)
class NumericColumn:
    """arcsinh((x − centre)/scale), 0 where missing; then, if ``missing``, a column that is 1 where missing."""

    name: str
    centre: float
    scale: float
    missing: bool
    kind: Kind

    @property
    def width(self) -> int:
        """The number of encoded columns."""
        return 1 + self.missing

    @classmethod
    def fit(cls, name: str, raw: RawColumn) -> NumericColumn:
        """Median and interquartile range; the standard deviation where that range is 0, and 1 where that is."""
        present = raw.values[~np.isnan(raw.values)]
        low, centre, high = np.quantile(present, (0.25, 0.5, 0.75)) if len(present) else (0, 0, 0)
        spread = present.std() if len(present) and low == high else high - low
        return cls(name, float(centre), float(spread) or 1.0, len(present) < len(raw.values), raw.kind)

    def encode(self, raw: RawColumn) -> NDArray[np.float32]:
        """[N, width]."""
        with np.errstate(over="ignore"):
            scaled = ((raw.values - self.centre) / self.scale).clip(-_LIMIT, _LIMIT)
        value = np.nan_to_num(np.arcsinh(scaled)).astype(np.float32)
        columns = [value, np.isnan(raw.values).astype(np.float32)]
        return np.stack(columns[: self.width], axis=1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def fit_column(
    name: str, raw: RawColumn, categorical: bool, numeric: bool, min_count: int
) -> CategoricalColumn | NumericColumn:
    """The encoding of a column: as demanded, or else of text and of integers with few values by category."""
    if categorical or raw.kind == "text" or (not numeric and _few_integers(raw)):
        return CategoricalColumn.fit(name, raw, min_count)
    return NumericColumn.fit(name, raw)


def _few_integers(raw: RawColumn) -> bool:
    if raw.kind != "number":
        return False
    if len(np.unique(raw.values[: _FEW * _FEW])) > _FEW + 1:
        return False
    seen = np.unique(raw.values[~np.isnan(raw.values)])
    return len(seen) <= _FEW and bool((seen == np.trunc(seen)).all())


def _texts(seen: NDArray[np.float64], raw: RawColumn) -> list[str]:
    if raw.kind == "text":
        return [raw.texts[int(v)] for v in seen]
    return [_spelt(v) for v in seen]


def _spelt(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _respelt(text: str) -> str:
    """``07`` as 7; what is no number as it is."""
    try:
        return _spelt(float(text))
    except (ValueError, OverflowError):
        return text
