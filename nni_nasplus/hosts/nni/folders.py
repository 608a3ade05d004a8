"""Where NNI keeps an experiment, and where this package keeps its search."""

from __future__ import annotations

from pathlib import Path

__all__ = ["NNI", "nni_run_directory"]

NNI = "nni"
"""The folder of a run directory that NNI keeps its experiments in."""


def nni_run_directory(inside: Path) -> Path:
    """The default run directory of an NNI experiment, from any folder inside the experiment's."""
    for folder in [inside, *inside.parents]:
        if (folder / "db").is_dir() and (folder / "log").is_dir():
            return folder / "nasplus"
    return inside / "nasplus"
