"""What a trial leaves in its folder for the search to read: weights, teachers, its result, or why it failed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nni_nasplus._files import write_json, write_text

__all__ = [
    "WEIGHTS",
    "clear_outcome",
    "failure_reason",
    "result_of",
    "teachers_of",
    "trial_directory",
    "write_failure",
    "write_reason",
    "write_result",
    "write_teachers",
]

WEIGHTS = "model.safetensors"
_FAILURE = "failure.txt"
_RESULT = "result.json"
_TEACHERS = "teachers.json"


def trial_directory(run: str | Path, key: str) -> Path:
    """The folder of the architecture with this key."""
    return Path(run) / "trials" / key


def write_failure(directory: Path, error: BaseException) -> None:
    """Keep an exception's kind and first line."""
    line = (str(error).strip() or "no message").splitlines()[0]
    write_reason(directory, f"{type(error).__name__}: {line}")


def write_reason(directory: Path, reason: str) -> None:
    """Keep why the trial failed, one line."""
    write_text(directory / _FAILURE, reason)


def clear_outcome(directory: Path) -> None:
    """Forget how an earlier, interrupted run of the same trial ended."""
    for name in (_FAILURE, _RESULT):
        (directory / name).unlink(missing_ok=True)


def write_result(directory: Path, metrics: Mapping[str, float]) -> None:
    """Keep the final metrics, before the host hears of them: they outlive the host."""
    write_json(directory / _RESULT, dict(metrics))


def result_of(directory: Path) -> dict[str, Any] | None:
    """The final metrics kept; None where the trial did not finish."""
    path = directory / _RESULT
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


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
