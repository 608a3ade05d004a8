"""What a trial leaves in its folder for the search to read: its weights, its teachers, and the reason if it failed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from nni_nasplus._files import write_json, write_text

__all__ = ["WEIGHTS", "failure_reason", "teachers_of", "trial_directory", "write_failure", "write_teachers"]

WEIGHTS = "model.safetensors"
_FAILURE = "failure.txt"
_TEACHERS = "teachers.json"


def trial_directory(run: str | Path, key: str) -> Path:
    """The folder of the architecture with this key."""
    return Path(run) / "trials" / key


def write_failure(directory: Path, error: BaseException) -> None:
    """Keep an exception's kind and first line."""
    line = (str(error).strip() or "no message").splitlines()[0]
    write_text(directory / _FAILURE, f"{type(error).__name__}: {line}")


def failure_reason(directory: Path) -> str | None:
    """The reason kept, or None."""
    path = directory / _FAILURE
    return path.read_text(encoding="utf-8") if path.is_file() else None


def write_teachers(directory: Path, numbers: Sequence[int]) -> None:
    """Keep the numbers of the trials that this one learns from."""
    write_json(directory / _TEACHERS, list(numbers))


def teachers_of(directory: Path) -> list[int]:
    """The numbers kept; none where the trial learned by itself."""
    path = directory / _TEACHERS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
