"""The picture of a trial, by default of the best one."""

from __future__ import annotations

from html import escape
from pathlib import Path

from nni_nasplus._files import unlink_file
from nni_nasplus.errors import UserError
from nni_nasplus.report.findings import Findings
from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Trial

__all__ = ["chosen_trial", "draw_trial", "draw_winner", "winner_picture"]


def chosen_trial(run: Run, number: int | None) -> Trial:
    """A trial, whatever became of it; without a number the best one that has finished.

    Raises
    ------
    UserError
        If there is none.
    """
    history = run.history()
    if number is None:
        if not history.best:
            raise UserError(f"{run.directory} has no finished trial; let the search run, or name a trial with --trial")
        return history.best[0]
    if not 0 <= number < len(history.trials):
        raise UserError(f"there is no trial {number}; {run.directory} has {len(history.trials)}, from 0 on")
    return history.trials[number]


def winner_picture(run: Run) -> Path:
    """Where the best trial is drawn."""
    return run.directory / "winner.svg"


def draw_winner(run: Run) -> Path | None:
    """Draw the best trial, unless its picture is there; None where there is no trial to draw.

    Raises
    ------
    NotImplementedError
        If its space has no pictures.
    UserError
        If the picture cannot be written.
    """
    findings, path = Findings.of(run), winner_picture(run)
    if not findings.history.best:
        return None
    trial = findings.history.best[0]
    if not _shows(path, findings.genotype(trial)):
        unlink_file(path)
        draw_trial(run, trial, path)
    return path


def draw_trial(run: Run, trial: Trial, path: Path) -> None:
    """Draw a trial; see :func:`draw_winner` for what is raised."""
    from nni_nasplus.drawing.draw import draw  # with the space it takes seconds to import

    draw(run.space.graph(trial.architecture), path, run.space.genotype(trial.architecture))


def _shows(path: Path, genotype: str) -> bool:
    """Whether a picture is of this architecture, by the title that it was drawn with."""
    try:
        return f"<dc:title>{escape(genotype, quote=False)}</dc:title>" in path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
