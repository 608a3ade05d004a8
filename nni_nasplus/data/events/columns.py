"""How one column is encoded: fitted on training events, kept as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nni_nasplus.data.events.tables.kinds import FEW, Kind
from nni_nasplus.data.events.tables.numbers import canonical_number
from nni_nasplus.data.events.tables.spool import RawColumn

__all__ = ["MISSING", "UNKNOWN", "CategoricalColumn", "NumericColumn", "fit_column"]

UNKNOWN = 0
"""The code of a rare or unseen value."""
MISSING = 1
"""The code of a missing value."""
_FIRST = 2
"""The code of the most frequent value."""
_LIMIT = 1e300
"""Within which arcsinh is finite: a quotient of two numbers may overflow."""


@dataclass(frozen=True)
class CategoricalColumn:
    """Codes: 0 for a rare or unseen value, 1 for a missing one, from 2 on those that are known.

    Parameters
    ----------
    name
        The column.
    values
        The known values, the most frequent first.
    kind
        Is "number" where all values are numbers, however they are spelt in other data.
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
        values = tuple(text for _, text in ranked)
        are_numbers = all(canonical_number(text) == text for text in values)
        return cls(name, values, "number" if are_numbers else "text")

    def encode(self, raw: RawColumn) -> NDArray[np.int32]:
        """The codes [N] of values [N]."""
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
        """The fields as JSON values."""
        return {**asdict(self), "values": list(self.values)}


@dataclass(frozen=True)
class NumericColumn:
    """A number x as arcsinh((x − centre)/scale), which is linear near the centre and tames long tails.

    Parameters
    ----------
    name
        The column.
    centre, scale
        The median and the spread of the training events.
    missing
        Whether values are missing in the training events: then a second column is 1 where one is, and 0 elsewhere.
        In the first one a missing value is 0.
    kind
        What the values are: numbers, or seconds since 1970.
    style
        How they were spelled, for new data that leave it open.
    """

    name: str
    centre: float
    scale: float
    missing: bool
    kind: Kind
    style: str = field(default="", compare=False)

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
        return cls(name, float(centre), float(spread) or 1.0, len(present) < len(raw.values), raw.kind, raw.style)

    def encode(self, raw: RawColumn) -> NDArray[np.float32]:
        """The encoded columns [N, width] of values [N]."""
        with np.errstate(over="ignore"):
            scaled = ((raw.values - self.centre) / self.scale).clip(-_LIMIT, _LIMIT)
        value = np.nan_to_num(np.arcsinh(scaled)).astype(np.float32)
        columns = [value, np.isnan(raw.values).astype(np.float32)]
        return np.stack(columns[: self.width], axis=1)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def fit_column(
    name: str, raw: RawColumn, categorical: bool, numeric: bool, min_count: int
) -> CategoricalColumn | NumericColumn:
    """Fit the encoding of a column.

    Parameters
    ----------
    name, raw
        The column, and its values in the training events.
    categorical, numeric
        Whether the user asked for either. Otherwise text and integers of few values are categories.
    min_count
        A category that is rarer in the training events is taken for unknown.
    """
    if categorical or raw.kind == "text" or (not numeric and _few_integers(raw)):
        return CategoricalColumn.fit(name, raw, min_count)
    return NumericColumn.fit(name, raw)


def _few_integers(raw: RawColumn) -> bool:
    if raw.kind != "number":
        return False
    if len(np.unique(raw.values[: FEW * FEW])) > FEW + 1:
        return False
    seen = np.unique(raw.values[~np.isnan(raw.values)])
    return len(seen) <= FEW and bool((seen == np.trunc(seen)).all())


def _texts(seen: NDArray[np.float64], raw: RawColumn) -> list[str]:
    if raw.kind == "text":
        return [raw.texts[int(v)] for v in seen]
    return [_spelt(v) for v in seen]


def _spelt(value: float) -> str:
    text = repr(float(value))
    return canonical_number(text) or text


def _respelt(text: str) -> str:
    """``07`` as 7; what is no number as it is."""
    try:
        return canonical_number(text) or _spelt(float(text))
    except ValueError:
        return text
