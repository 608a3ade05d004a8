"""``nasplus report``: a run as one page to look at, keep and mail."""

from __future__ import annotations

import sys
from pathlib import Path

from nni_nasplus.errors import UserError
from nni_nasplus.report.page import write_page
from nni_nasplus.run.run import Run

__all__ = ["report"]


def report(directory: str, *, to: str | None = None) -> None:
    """Write what a search has found as one file of HTML, which needs no network; also while the search still runs.

    Parameters
    ----------
    directory
        The directory given to --out.
    to
        The .html file to write; by default report.html in the directory.
    """
    if to is not None and Path(to).suffix not in (".html", ".htm"):
        raise UserError(f"--to is {to}; end it in .html")
    path = write_page(Run.open(directory), Path(to) if to else None)
    sys.stdout.write(f"report: {path}\n")
