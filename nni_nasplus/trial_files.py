"""What a trial leaves in its folder for the search to read: its weights, and the reason if it failed."""

from __future__ import annotations

from pathlib import Path

from nni_nasplus._files import write_text

__all__ = ["WEIGHTS", "failure_reason", "trial_directory", "write_failure"]

WEIGHTS = "model.safetensors"
_FAILURE = "failure.txt"


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
