"""``nasplus show``: look at a search."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path

from nni_nasplus._files import unlink_file
from nni_nasplus.cli.result import print_result
from nni_nasplus.cli.winner import chosen_trial, draw_trial, draw_winner
from nni_nasplus.errors import UserError
from nni_nasplus.one_shot.pictures.road import ROAD
from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Trial

__all__ = ["show"]


def show(
    directory: str,
    *,
    top: int = 10,
    trial: int | None = None,
    picture: str | None = None,
    as_study: str | None = None,
    plots: str | None = None,
) -> None:
    """Print the trials and the result of a search, and draw the best architecture; of a supernet also its road.

    Parameters
    ----------
    directory
        The directory given to --out.
    top
        How many trials to print.
    trial
        Another trial than the best to draw.
    picture
        The .svg, .png or .pdf file to draw it to; without it winner.svg, or trial_7.svg, in the directory.
    as_study
        A database's URL, as in sqlite:///study.db, to write the trials into as an Optuna study. Needs the optuna extra.
    plots
        A folder to write Optuna's pictures of the search into: best so far, parallel coordinates, importances of the
        decisions, Pareto front of the objective and the parameters. Needs the plots extra.
    """
    if picture is not None:
        from nni_nasplus.drawing.draw import require_format

        require_format(picture)
    if top < 1:
        raise UserError(f"--top is {top}; use 1 or more")
    run = Run.open(directory)
    print_result(run, top)
    if as_study or plots:
        _as_study(run, as_study, plots)
    _draw(run, trial, picture)
    _show_road(run)


def _draw(run: Run, number: int | None, to: str | None) -> None:
    """Draw a trial, by default the best if there is one; without ``to`` a directory that is read-only is a warning."""
    trial = None if number is None and to is None else chosen_trial(run, number)
    try:
        if (path := _drawn(run, trial, to)) is not None:
            sys.stdout.write(f"picture: {path}\n")
    except NotImplementedError:
        if trial is not None:
            raise UserError(f"{type(run.space).__name__} has no pictures; give it a method graph()") from None
    except UserError as error:
        message = f"{error} for the picture with --picture"
        if to:
            raise UserError(message) from None
        warnings.warn(message, stacklevel=2)


def _show_road(run: Run) -> None:
    """Say where the road of a search in a supernet is drawn, if there was one."""
    if not any(run.directory.glob(f"*/{ROAD}")):
        return
    from nni_nasplus.report.page import write_road  # it imports all that draws

    try:
        if (path := write_road(run)) is not None:
            sys.stdout.write(f"road of the cell: {path}\n")
    except UserError as error:
        warnings.warn(str(error), stacklevel=2)


def _drawn(run: Run, trial: Trial | None, to: str | None) -> Path | None:
    if trial is None:
        return draw_winner(run)
    path = Path(to) if to else run.directory / f"trial_{trial.number}.svg"
    if not to:
        unlink_file(path)
    draw_trial(run, trial, path)
    return path


def _as_study(run: Run, url: str | None, plots: str | None) -> None:
    if importlib.util.find_spec("optuna") is None:
        raise UserError('--as_study and --plots need Optuna; pip install "nni-nasplus[plots]"')
    from nni_nasplus.hosts.optuna.imported import as_study, draw_study

    study = as_study(run, url)
    if url:
        sys.stdout.write(f"study '{study.study_name}' in {url}\n")
    if plots:
        for path in draw_study(study, Path(plots)):
            sys.stdout.write(f"{path}\n")
