"""Run what is left of a search, and report."""

from __future__ import annotations

import shlex
import sys

from rich.console import Console

from nni_nasplus._signals import goes_on_by
from nni_nasplus.cli.result import print_result
from nni_nasplus.cli.surroundings import live_within
from nni_nasplus.hosts import running
from nni_nasplus.report.findings import REPORT
from nni_nasplus.run.run import Run

__all__ = ["complete", "finish"]


def finish(run: Run) -> None:
    """Run what is left of a search, and report."""
    with goes_on_by(f"nasplus resume {shlex.quote(str(run.directory))}"):
        if complete(run) or not (run.directory / REPORT).exists() or not run.selections:
            from nni_nasplus.cli.report import report  # it imports all that trains

            report(run)
        else:
            print_result(run)


def complete(run: Run) -> bool:
    """Run what is left of a search; whether anything was.

    Raises
    ------
    UserError
        If it runs already, or it cannot go on.
    """
    live_within(run.directory)
    return running.complete(run, Console(file=sys.stderr))
