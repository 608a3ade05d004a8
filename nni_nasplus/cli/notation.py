"""Genotypes in tables of the terminal: a line ends where a part of the notation does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.text import Text

__all__ = ["Notation"]

_PARTS = re.compile(r"[^|,/ ]*[|,/ ]|[^|,/ ]+")


@dataclass(frozen=True)
class Notation:
    """A genotype that is wrapped behind bars, commas, slashes and spaces.

    Parameters
    ----------
    text
        It is shown whole, so that it can be copied.
    """

    text: str

    def lines(self, width: int) -> list[str]:
        """The text in lines; a part that is longer than ``width`` is left whole."""
        found = [""]
        for part in _PARTS.findall(self.text):
            if found[-1] and len(found[-1] + part.rstrip()) > width:
                found.append("")
            found[-1] += part
        return found

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        yield Text("\n".join(line.rstrip() for line in self.lines(options.max_width)), overflow="fold")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        longest = max(map(len, _PARTS.findall(self.text)), default=1)
        return Measurement(longest, len(self.text)).with_maximum(options.max_width)
