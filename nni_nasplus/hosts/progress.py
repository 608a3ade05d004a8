"""The progress bar of a search."""

from __future__ import annotations

import math
import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from nni_nasplus.run.run import Run
from nni_nasplus.search.history import History
from nni_nasplus.search.time_limit import TimeLimit, training_seconds

__all__ = ["TrialProgress", "seconds_left"]


class TrialProgress:
    """Trials done, the best score so far and the time left, as a context manager; until there are any, a note.

    Where the minutes of a search are limited, the bar is of its time, and says when it is expected to end.
    """

    def __init__(self, console: Console, run: Run, note: str = "") -> None:
        self._run, self._limit = run, run.time_limit
        end = [TextColumn("left"), TimeRemainingColumn()] if self._limit is None else [TextColumn("{task.fields[end]}")]
        columns: list[ProgressColumn] = [
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn() if self._limit is None else TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            *end,
        ]
        self._bar = Progress(*columns, console=console)
        total = run.settings.most_trials if self._limit is None else 1.0
        self._task = self._bar.add_task("trials", total=total, note=note, count="0", end="")

    def __enter__(self) -> TrialProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._limit is not None and kind is None:
            self._bar.update(self._task, completed=1.0, end="")
        self._bar.stop()

    def update(self, history: History) -> None:
        """Show the trials as they are now."""
        failed = sum(trial.status == "failed" for trial in history.finished)
        best = history.best
        note = f"best {best[0].score:.4f}" if best else "none finished"
        if failed:
            note += f", {failed} failed"
        if self._limit is None:
            self._bar.update(self._task, completed=len(history.finished), note=note)
        else:
            self._update_time(history, self._limit, note)

    def _update_time(self, history: History, limit: TimeLimit, note: str) -> None:
        settings, count = self._run.settings, len(history.finished)
        left, used = seconds_left(history, settings.most_trials, settings.at_a_time, limit), limit.used()
        of = "" if settings.trials is None else f"/{settings.trials}"
        end = time.strftime("%H:%M", time.localtime(time.time() + left))
        share = used / (used + left or 1)
        self._bar.update(self._task, completed=share, note=note, count=f"{count}{of}", end=f"ends about {end}")


def seconds_left(history: History, trials: float, at_a_time: int, limit: TimeLimit) -> float:
    """How long a search is expected to go on: until its trials have ended at the pace so far, or its time is up."""
    each, to_do = training_seconds(history), max(0.0, trials - len(history.finished))
    return min(limit.left, each * to_do / at_a_time) if each and math.isfinite(to_do) else limit.left
