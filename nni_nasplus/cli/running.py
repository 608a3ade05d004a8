"""Run what is left of a search, and report."""

from __future__ import annotations

import sys

from rich.console import Console

from nni_nasplus import registry
from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL

__all__ = ["complete", "finish"]


def finish(run: Run, port: int, bind: str) -> None:
    """Run what is left of a search, and report."""
    from nni_nasplus.cli.report import RESULT, print_result, report

    if complete(run, port, bind) or not (run.directory / RESULT).exists():
        report(run)
    else:
        print_result(run)


def complete(run: Run, port: int, bind: str) -> bool:
    """Run what is left of a search; whether anything was.

    Raises
    ------
    UserError
        If it runs already, the port is in use, or it cannot go on.
    """
    is_study = run.settings.get("host") == "optuna"
    with run.exclusive():
        if not is_study:
            from nni_nasplus.hosts.nni.experiment import require_dead

            require_dead(run)
        journal = run.directory / JOURNAL
        if journal.exists() and len(run.archive().finished) >= run.settings["trials"]:
            return False
        if is_study:
            _study(_prepared(run))
        elif registry.load("strategies", run.settings["strategy"]).needs_preparation(run):
            _experiment(run, port, bind, prepare=True)
        else:
            _experiment(_prepared(run), port, bind)
        return True


def _prepared(run: Run) -> Run:
    """The run with what its strategy finds before it."""
    options = registry.load("strategies", run.settings["strategy"]).prepare(run)
    if options == run.settings["options"]:
        return run
    return Run.rewrite(run.directory, {**run.settings, "options": options})


def _study(run: Run) -> None:
    from nni_nasplus.cli.progress import TrialProgress
    from nni_nasplus.hosts.optuna.search import OptunaSearch

    console = Console(file=sys.stderr)
    with OptunaSearch(run) as study:
        console.print(f"searching {run.space.search_space}; results in {run.directory}", highlight=False)
        console.print(study.where, highlight=False, soft_wrap=True)
        with TrialProgress(console, run.settings["trials"]) as progress:
            study.wait(progress.update)


def _experiment(run: Run, port: int, bind: str, *, prepare: bool = False) -> None:
    from nni_nasplus.cli.progress import TrialProgress
    from nni_nasplus.hosts.nni.experiment import NniSearch, require_idle
    from nni_nasplus.hosts.nni.manager import warn_of

    console = Console(file=sys.stderr)
    require_idle(port)
    warn_of(bind)
    with NniSearch(run, port, bind, prepare=prepare) as experiment:
        console.print(f"searching {run.space.search_space}; results in {run.directory}", highlight=False)
        console.print(f"web UI: {experiment.url}", highlight=False)
        note = f"preparing {run.settings['strategy']}" if prepare else ""
        with TrialProgress(console, run.settings["trials"], note) as progress:
            experiment.wait(progress.update)
