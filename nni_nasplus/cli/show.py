"""``nasplus show``: look at a search."""

from __future__ import annotations

from nni_nasplus.cli.report import print_result
from nni_nasplus.run import Run

__all__ = ["show"]


def show(directory: str, *, top: int = 10) -> None:
    """Print the trials and the result of a search.

    Parameters
    ----------
    directory
        The directory given to --out.
    top
        How many trials to print.
    """
    print_result(Run.open(directory), top)
