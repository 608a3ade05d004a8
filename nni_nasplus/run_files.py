"""The names inside a run directory."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CACHE", "JOURNAL", "NNI", "SETTINGS", "TEACHERS", "nni_run_directory"]

JOURNAL = "journal.jsonl"
SETTINGS = "run.json"
CACHE = "data"
TEACHERS = "teachers"
NNI = "nni"


def nni_run_directory(inside: Path) -> Path:
    """The default run directory of an NNI experiment, from any folder inside the experiment's."""
    for folder in [inside, *inside.parents]:
        if (folder / "db").is_dir() and (folder / "log").is_dir():
            return folder / "nasplus"
    return inside / "nasplus"
