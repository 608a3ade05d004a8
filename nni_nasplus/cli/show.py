"""``nasplus show``: look at a search."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from nni_nasplus.cli.report import print_result
from nni_nasplus.errors import UserError
from nni_nasplus.run import Run

__all__ = ["show"]


def show(directory: str, *, top: int = 10, as_study: str | None = None, plots: str | None = None) -> None:
    """Print the trials and the result of a search.

    Parameters
    ----------
    directory
        The directory given to --out.
    top
        How many trials to print.
    as_study
        A database's URL, as in sqlite:///study.db, to write the trials into as an Optuna study. Needs the optuna extra.
    plots
        A folder to write Optuna's pictures of the search into: best so far, parallel coordinates, importances of the
        decisions, Pareto front of the objective and the parameters. Needs the plots extra.
    """
    run = Run.open(directory)
    print_result(run, top)
    if as_study or plots:
        _as_study(run, as_study, plots)


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
