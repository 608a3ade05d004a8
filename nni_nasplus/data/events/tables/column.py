"""One column while it is read: what it is taken for, and what of it cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nni_nasplus.data.events.tables import convert
from nni_nasplus.data.events.tables.kinds import FEW, PLACEHOLDERS, Asked, Kind, guess, is_measured, read, read_best
from nni_nasplus.data.events.tables.numbers import marks_of
from nni_nasplus.data.events.tables.source import Source
from nni_nasplus.errors import UserError

__all__ = ["ColumnReader", "Strays", "Wanted"]

_EVIDENCE = 1_000
"""Values of the first block, and different unreadable ones of all, by which a style is chosen anew."""
_MANY_TEXTS = 1 << 17
"""Different texts of one column from which on it is looked at again: numbers are no texts to be kept in memory."""
_NOUNS = {None: "text", "number": "number", "seconds": "date", "text": "text"}


@dataclass(frozen=True)
class Wanted:
    """What is asked of a column.

    Parameters
    ----------
    kind
        What it may be.
    style
        How the training table spelled its numbers or dates, for values that leave it open.
    complete
        Whether a value that cannot be read is an error, as in times; elsewhere it counts as missing.
    noun
        What a complete column holds, for messages.
    remedy
        What to do where most of it is something else.
    """

    kind: Asked = "any"
    style: str = ""
    complete: bool = False
    noun: str = "time"
    remedy: str = "mend the column"


@dataclass
class Strays:
    """The values of a column that are there and cannot be read.

    Parameters
    ----------
    count
        How many there are.
    row, value
        The first one, and its row, from 1 on.
    texts
        Up to a thousand different ones.
    """

    count: int = 0
    row: int = 0
    value: str = ""
    texts: set[str] = field(default_factory=set)

    def add(self, array: pa.Array, places: NDArray[np.int64], start: int) -> None:
        """Count the values at ``places`` of a block that begins at row ``start``."""
        if not self.count:
            self.row, self.value = start + int(places[0]) + 1, str(array[int(places[0])].as_py())
        self.count += len(places)
        if len(self.texts) < _EVIDENCE:
            seen = array.take(pa.array(places)).unique()[:_EVIDENCE].to_pylist()
            self.texts |= {str(value).strip() for value in seen}


@dataclass
class ColumnReader:
    """Reads the blocks of a column in order, and may have to begin again when it has seen them all.

    Parameters
    ----------
    name, wanted, source
        The column, what is asked of it, and its table.
    kind, style
        What it is taken for, and how its numbers or dates are spelled; None before the first value.
    texts
        Each text, and its position.
    strays
        What could not be read.
    """

    name: str
    wanted: Wanted
    source: Source
    kind: Kind | None = None
    style: str = ""
    texts: dict[str, int] = field(default_factory=dict)
    strays: Strays = field(default_factory=Strays)
    _sample: list[str] = field(default_factory=list)
    _marks: set[str] = field(default_factory=set)
    _doubt: str | None = None
    _certain: bool = False
    _is_strings: bool = False
    _rather: tuple[Kind, str] | None = None
    _tried: set[tuple[Kind, str]] = field(default_factory=set)

    def read(self, array: pa.Array, start: int) -> NDArray[np.float64]:
        """The values [N] of a block that begins at row ``start``; ``UserError`` where its type is none of a column."""
        if array.null_count == len(array):
            return np.full(len(array), np.nan)
        if self.kind is None:
            self._begin(array)
        if self.kind == "text":
            return self._positions(array)
        assert self.kind is not None
        array = convert.flat(array)
        values = self._values(array, self.kind)
        unread = np.isnan(values)
        if np.count_nonzero(unread) > array.null_count:
            self._count(array, unread, start)
        return values

    def settle(self, values: NDArray[np.float64]) -> bool:
        """Whether all that was read, [N], stands; otherwise the column is to be read again from its first block.

        Raises
        ------
        UserError
            If the values are not what is asked for, or cannot be told.
        """
        other = self._other(values)
        if other is not None:
            self._restart(*other)
            return False
        self._require_readable(values)
        return True

    @property
    def is_typed_text(self) -> bool:
        """Whether its values are strings of a typed table."""
        return self._is_strings and self.source.typed

    @property
    def notes(self) -> list[str]:
        """What its user should know: how many values count as missing, and what was assumed."""
        some, notes = self.strays, []
        first = f"the first {some.value!r} in row {some.row}"
        if some.count and self.kind != "text":
            are = "values are" if some.count > 1 else "value is"
            notes.append(f"{some.count} {are} no {_NOUNS[self.kind]} and taken for missing, {first}")
        elif some.count:
            notes.append(f"taken for text because of {some.count} that are no numbers or dates, {first}")
        if self._doubt is not None and not self._certain and self.kind == "number" and not self.wanted.style:
            value = read(pa.array([self._doubt]), "number", self.style)[0]
            notes.append(f"{self._doubt!r} is read as {value:g}: if it is another number, write all without separators")
        return notes

    def _begin(self, array: pa.Array) -> None:
        if not convert.is_supported(array):
            where = f"{self.source.role}: column {self.name!r}"
            raise UserError(f"{where} holds {array.type}: convert it, or leave it out by --ignore")
        first = guess(array, self.wanted.kind, self.wanted.style or self.source.style, self.source.typed)
        self._is_strings = convert.is_text(array) and not pa.types.is_dictionary(array.type)
        self._sample = [str(v) for v in array.drop_null()[:_EVIDENCE].to_pylist()]
        self._restart(first.kind, first.style)

    def _restart(self, kind: Kind, style: str) -> None:
        self.kind, self.style = kind, style
        self._tried.add((kind, style))
        self.texts, self._marks, self._doubt, self._certain = {}, set(), None, False
        if kind != "text":
            self.strays = Strays()

    def _positions(self, array: pa.Array) -> NDArray[np.float64]:
        known = self.texts
        if len(known) > _MANY_TEXTS and self._is_strings and self.wanted.kind == "any" and not self._rather:
            later = guess(array, "any", self.source.style, self.source.typed)
            self._rather = (later.kind, later.style) if later.kind != "text" else None
        if self._rather and self._rather not in self._tried:
            return np.full(len(array), np.nan)
        codes, texts = convert.to_text(array)
        table = [np.nan if t is None else known.setdefault(t, len(known)) for t in texts]
        return np.array(table, dtype=np.float64)[codes]

    def _values(self, array: pa.Array, kind: Kind) -> NDArray[np.float64]:
        if not convert.is_text(array):
            return read(array, kind, self.style)
        best = read_best(array, kind, self.style, only=self._certain)
        if kind == "number" and not best.plain:
            self._marks |= marks_of(array, self.style)
        if best.style != self.style:
            return read(array, kind, self.style)
        self._doubt, self._certain = self._doubt or best.doubt, self._certain or best.certain
        return best.values

    def _count(self, array: pa.Array, unread: NDArray[np.bool_], start: int) -> None:
        array = convert.trimmed(array) if convert.is_text(array) else array
        places = np.flatnonzero(unread & ~convert.is_missing(array))
        if len(places):
            self.strays.add(array, places, start)

    def _other(self, values: NDArray[np.float64]) -> tuple[Kind, str] | None:
        """What the column is rather taken for, when all of it has been seen."""
        if self._rather and self._rather not in self._tried:
            return self._rather
        if self.kind == "text":
            return self._rather_measured(values) if self._is_strings and self.wanted.kind == "any" else None
        if not self.strays.count:
            return None
        better = self._better(int(np.count_nonzero(~np.isnan(values))))
        return better or (("text", "") if self.wanted.kind == "any" and not self._measures(values) else None)

    def _better(self, readable: int) -> tuple[Kind, str] | None:
        """Another style in which more of what has been seen can be read; strays are as frequent in it as they are."""
        assert self.kind is not None
        sample = pa.array(self._sample, pa.string())
        sample = sample.filter(pa.array(~np.isnan(read(sample, self.kind, self.style))))
        texts = sorted(self.strays.texts)[:_EVIDENCE]
        times = self.strays.count / max(1, readable) * len(sample) / len(texts)
        strays = texts * int(np.clip(times, 1, _EVIDENCE / len(texts)))
        best = guess(pa.array([*sample.to_pylist(), *strays]), self.wanted.kind, self.style, typed=False)
        untried = best.kind != "text" and (best.kind, best.style) not in self._tried
        return (best.kind, best.style) if untried and best.count > len(sample) else None

    def _measures(self, values: NDArray[np.float64]) -> bool:
        """Whether the values are numbers or dates in spite of the strays; these are forgotten where text is usual."""
        assert self.kind is not None
        readable = values[~np.isnan(values)]
        distinct = len(np.unique(readable[: FEW * FEW]))
        measured = is_measured(self.kind, len(readable), distinct, self.strays.count, len(self.strays.texts))
        if not measured and (distinct <= FEW or len(readable) < self.strays.count):
            self.strays = Strays()
        return measured

    def _rather_measured(self, values: NDArray[np.float64]) -> tuple[Kind, str] | None:
        """Numbers or dates, where the first values hid that they are."""
        seen = pa.array(list(self.texts), pa.string())
        best = guess(seen, "any", self.source.style, self.source.typed) if len(seen) else None
        if best is None or best.kind == "text" or (best.kind, best.style) in self._tried:
            return None
        unread = np.isnan(read(seen, best.kind, best.style))
        counts = np.bincount(values[~np.isnan(values)].astype(np.int64), minlength=len(seen))
        distinct = int((~unread).sum())
        strays = int(counts[unread].sum())
        measured = is_measured(best.kind, int(counts.sum()) - strays, distinct, strays, int(unread.sum()))
        return (best.kind, best.style) if measured and (distinct > FEW or best.kind == "seconds") else None

    def _require_readable(self, values: NDArray[np.float64]) -> None:
        where = f"{self.source.role}: column {self.name!r}"
        if len(self._marks - {""}) > 1 or self._marks == {"", "%"}:
            mixed = " and ".join(f"{m!r}" if m else "none" for m in sorted(self._marks)[-2:])
            raise UserError(f"{where} mixes numbers with {mixed}: write them alike, or leave it out by --ignore")
        if self.kind == "seconds" and self._doubt is not None and not self._certain and not self.wanted.style:
            raise UserError(
                f"{where} holds dates such as {self._doubt!r}, where day and month could be either: "
                "write them as 2024-01-31" + ("" if self.wanted.complete else ", or leave it out by --ignore")
            )
        readable = int(np.count_nonzero(~np.isnan(values)))
        if self.strays.count and (self.wanted.complete or self._is_other(readable)):
            raise self._unreadable(self.strays.count > readable)

    def _is_other(self, readable: int) -> bool:
        """Whether a column of which numbers or dates are asked holds something else, and not words for missing."""
        if self.wanted.kind in ("any", "text"):
            return False
        return not readable or (self.strays.count > readable and len(self.strays.texts) > PLACEHOLDERS)

    def _unreadable(self, most: bool) -> UserError:
        of_times = self.wanted.complete and self.wanted.noun == "time"
        some, noun = self.strays, self.wanted.noun if self.wanted.complete else _NOUNS[self.kind]
        more = f" ({some.count} such rows in all)" if some.count > 1 else ""
        remedy = "mend or drop this row"
        if most:
            remedy = "write times as numbers or as 2024-01-31 12:00:00" if of_times else self.wanted.remedy
        where = f"{self.source.role}: row {some.row} of column {self.name!r}"
        return UserError(f"{where} holds {some.value!r}, which is no {noun}{more}: {remedy}")
