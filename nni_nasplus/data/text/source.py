"""Text files, read line by line whatever their size."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from nni_nasplus.errors import UserError

__all__ = ["TextSource"]

_LONGEST = 1 << 20
"""Bytes of a line that are read at a time, so that a text in one line needs no more memory than another."""


@dataclass(frozen=True)
class TextSource:
    """The lines from ``start`` up to ``stop`` of a UTF-8 file; all for None.

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

    def cut(self, *shares: float) -> list[TextSource]:
        """The lines in order, by shares that add up to 1."""
        with self.path.open("rb") as file:
            lines = sum(piece.endswith(b"\n") for piece in _pieces(file))
        ends = [round(sum(shares[:i]) * lines) for i in range(len(shares) + 1)]
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
        number = 0
        bytes_ = tqdm(total=self.path.stat().st_size, desc=what, unit="B", unit_scale=True, disable=not progress)
        with self.path.open("rb") as file, bytes_ as bar:
            for piece in _pieces(file):
                if self.stop is not None and number >= self.stop:
                    return
                if number >= self.start:
                    yield self._decoded(piece, number)
                number += piece.endswith(b"\n")
                bar.update(len(piece))

    def _decoded(self, piece: bytes, number: int) -> str:
        try:
            return piece.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise UserError(f"line {number + 1} of {self.path} is not UTF-8 ({error.reason}): convert it") from None


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Lines, or parts of a long one; the last of its parts ends with the newline and holds a word, if the line does."""
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)
    rest = b""
    while block := file.readline(_LONGEST):
        block = rest + block
        cut = len(block) if block.endswith(b"\n") else block.rstrip().rfind(b" ") + 1
        if cut:
            yield block[:cut]
        rest = block[cut:]
    if rest:
        yield rest + b"\n"
