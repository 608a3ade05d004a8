"""The progress bar of a search."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from nni_nasplus.search.history import History

__all__ = ["TrialProgress"]


class TrialProgress:
    """Trials done, the best score so far and the time left, as a context manager; until there are any, a note."""

    def __init__(self, console: Console, trials: int, note: str = "") -> None:
        self._bar = Progress(
            TextColumn("trials"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("trials", total=trials, note=note)

    def __enter__(self) -> TrialProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, history: History) -> None:
        """Show the trials as they are now."""
        failed = sum(trial.status == "failed" for trial in history.finished)
        best = history.best
        note = f"best {best[0].score:.4f}" if best else "none finished"
        if failed:
            note += f", {failed} failed"
        self._bar.update(self._task, completed=len(history.finished), note=note)
