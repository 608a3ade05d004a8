"""Run what is left of a search, and report."""

from __future__ import annotations

import sys

from rich.console import Console

from nni_nasplus import registry
from nni_nasplus.cli.progress import TrialProgress
from nni_nasplus.cli.surroundings import live_within
from nni_nasplus.hosts.host import Host
from nni_nasplus.run.presearch import needs_presearch
from nni_nasplus.run.run import Run

__all__ = ["complete", "finish", "host_of"]


def finish(run: Run) -> None:
    """Run what is left of a search, and report."""
    from nni_nasplus.cli.report import REPORT, print_result, report

    if complete(run) or not (run.directory / REPORT).exists():
        report(run)
    else:
        print_result(run)


def host_of(run: Run) -> Host:
    """What runs the trials of a run."""
    host: Host = registry.load("hosts", run.settings.host)()
    return host


def complete(run: Run) -> bool:
    """Run what is left of a search; whether anything was.

    Raises
    ------
    UserError
        If it runs already, or it cannot go on.
    """
    run.require_whole()
    live_within(run.directory)
    host = host_of(run)
    with run.exclusive():
        host.require_idle(run)
        if run.has_trials and len(run.history().finished) >= run.settings.trials:
            return False
        _search(run, host)
        return True


def _search(run: Run, host: Host) -> None:
    console = Console(file=sys.stderr)
    if needs_presearch(run):
        run.settings.make_strategy().check_space(run.space)
    note = f"presearch of {run.settings.strategy}" if needs_presearch(run) else ""
    with host.search(run) as running:
        console.print(f"searching {run.space.search_space}; results in {run.directory}", highlight=False)
        console.print(running.where, highlight=False, soft_wrap=True)
        with TrialProgress(console, run.settings.trials, note) as progress:
            running.wait(progress.update)
