"""The one look of everything that goes on for long: a bar on the terminal that ends full."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["Advance", "progress_bar"]


class Advance(Protocol):
    """Says how many more are done, and perhaps that there are more or fewer than was thought."""

    def __call__(self, count: int, total: int | None = ...) -> None: ...


@contextmanager
def progress_bar(what: str, total: int | None, unit: str, *, shown: bool = True) -> Iterator[Advance]:
    """A bar on standard error; what it gives is called with how many more are done.

    Parameters
    ----------
    what
        In front of the bar.
    total
        How many there are; None where that is not known before the end.
    unit
        What is counted, in the plural.
    shown
        Whether anybody looks.
    """
    columns = (TextColumn(what), BarColumn(), TextColumn(f"{{task.completed:,.0f}} {unit}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr), disable=not shown) as bar:
        task = bar.add_task(what, total=total)

        def advance(count: int, total: int | None = total) -> None:
            bar.update(task, advance=count, total=total)

        yield advance
        bar.update(task, total=bar.tasks[0].completed)
