"""Text files, read line by line whatever their size."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from nni_nasplus._progress import progress_bar
from nni_nasplus.errors import UserError

__all__ = ["TextSource"]

_LONGEST = 1 << 20
"""Bytes of a line that are read at a time, so that a text in one line needs no more memory than another."""

_WORDS, _ANY = re.compile(rb"\s()"), re.compile(rb"()[^\x80-\xbf]")
"""Where a text can be cut without breaking a word; or a character, in UTF-8."""


@dataclass(frozen=True)
class TextSource:
    """The bytes from ``start`` up to ``stop`` of a UTF-8 file; up to its end for None.

    Raises
    ------
    UserError
        If there is no such file, or it is empty.
    """

    path: Path
    start: int = 0
    stop: int | None = None

    def __post_init__(self) -> None:
        if not self.path.is_file():
            raise UserError(f"no file {self.path}: check the path")
        if self.path.stat().st_size == 0:
            raise UserError(f"{self.path} is empty: give a text")

    def cut(self, *shares: float, words: bool = True) -> list[TextSource]:
        """The text in order, by shares that add up to 1.

        Parts are of whole lines. Where the lines are too few to give each part one, they are of whole words, or
        characters if not ``words``.
        """
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            ends = _ends_of_lines(file, size, shares) or _ends_between(file, size, shares, _WORDS if words else _ANY)
        return [replace(self, start=a, stop=b) for a, b in pairwise(ends)]

    def read(self, what: str, progress: bool) -> Iterator[str]:
        """Yield the lines, each with its newline, the last too; very long ones in parts that end after a space.

        Parameters
        ----------
        what
            The caption of the progress bar.
        progress
            Whether to show one.

        Raises
        ------
        UserError
            If the file is not UTF-8.
        """
        place, stop = self.start, self.path.stat().st_size if self.stop is None else self.stop
        bar = progress_bar(what, stop - place, "bytes", shown=progress)
        with self.path.open("rb") as file, bar as advance:
            file.seek(self.start)
            for piece in _pieces(file, stop - place):
                yield self._decoded(piece, place)
                place += len(piece)
                advance(len(piece))

    def _decoded(self, piece: bytes, place: int) -> str:
        bare = piece.removeprefix(codecs.BOM_UTF8) if place == 0 else piece
        try:
            return bare.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = self._line_at(place + len(piece) - len(bare) + error.start)
            raise UserError(f"line {line} of {self.path} is not UTF-8 ({error.reason}): convert it") from None

    def _line_at(self, place: int) -> int:
        line = 1
        with self.path.open("rb") as file:
            while block := file.read(min(_LONGEST, place)):
                place, line = place - len(block), line + block.count(b"\n")
        return line


def _pieces(file: BinaryIO, left: int) -> Iterator[bytes]:
    """Lines of the next bytes, or parts of a long one; the last of its parts holds a word, if the line does.

    The last line has a newline, too, though there may be none in the file.
    """
    rest = b""
    while left and (block := file.readline(min(_LONGEST, left))):
        left -= len(block)
        block = rest + block
        cut = len(block) if block.endswith(b"\n") else block.rstrip().rfind(b" ") + 1
        if cut:
            yield block[:cut]
        rest = block[cut:]
    if rest:
        yield rest + b"\n"


def _ends_of_lines(file: BinaryIO, size: int, shares: Sequence[float]) -> list[int]:
    """Where parts of whole lines begin and end, in bytes; nothing where one of them would have no line."""
    count = sum(1 for _ in _line_ends(file, size))
    last = [round(sum(shares[:i]) * count) for i in range(len(shares) + 1)]
    if any(a == b for a, b in pairwise(last)):
        return []
    return [0, *(end for number, end in enumerate(_line_ends(file, size), start=1) if number in last)]


def _line_ends(file: BinaryIO, size: int) -> Iterator[int]:
    file.seek(0)
    place = 0
    for piece in _pieces(file, size):
        place += len(piece)
        if piece.endswith(b"\n"):
            yield min(place, size)


def _ends_between(file: BinaryIO, size: int, shares: Sequence[float], between: re.Pattern[bytes]) -> list[int]:
    """Where parts begin and end, in bytes, if they may be cut where ``between`` has its group."""
    places = [round(sum(shares[:i]) * size) for i in range(1, len(shares))]
    return [0, *(_next(file, place, between) for place in places), size]


def _next(file: BinaryIO, place: int, between: re.Pattern[bytes]) -> int:
    file.seek(place)
    while block := file.read(_LONGEST):
        if found := between.search(block):
            return place + found.start(1)
        place += len(block)
    return place
