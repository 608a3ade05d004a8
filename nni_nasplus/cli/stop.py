"""``nasplus stop``: end a search that still runs."""

from __future__ import annotations

import sys

from nni_nasplus.hosts.nni.folders import NNI
from nni_nasplus.hosts.nni.manager import living_managers
from nni_nasplus.run.run import Run

__all__ = ["stop"]


def stop(directory: str) -> None:
    """End a search that still runs, or the NNI manager that a killed one left behind; what had finished is kept.

    Parameters
    ----------
    directory
        The directory given to --out.
    """
    run = Run.open(directory)
    managers = living_managers(run.directory / NNI)
    for manager in managers:
        manager.end()
        sys.stdout.write(f"ended the NNI manager {manager.experiment}, process {manager.process.pid}\n")
    if not managers:
        sys.stdout.write("nothing runs\n")
