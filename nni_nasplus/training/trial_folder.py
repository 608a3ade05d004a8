"""What a trial leaves in its folder for the search to read: its weights, and how it ended."""

from __future__ import annotations

import contextlib
from pathlib import Path

from nni_nasplus._files import damage_named, read_json, write_json
from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.search.history import Failure, Outcome

__all__ = [
    "WEIGHTS",
    "clear_outcome",
    "failed",
    "outcome_in",
    "trial_directory",
    "write_outcome",
]

WEIGHTS = "model.safetensors"
_RESULT = "result.json"


def trial_directory(run: str | Path, key: str) -> Path:
    """The folder of the architecture with this key."""
    return Path(run) / "trials" / key


def write_outcome(directory: Path, outcome: Outcome) -> None:
    """Keep how the trial ended, before the host hears of it: it outlives the host."""
    write_json(directory / _RESULT, outcome.to_json())


def outcome_in(directory: Path) -> Outcome | None:
    """How the trial ended; None where it did not, or nobody could say so, or what was said is damaged."""
    path = directory / _RESULT
    with contextlib.suppress(UserError), damage_named(path):
        return Outcome.from_json(read_json(path)) if path.is_file() else None
    return None


def clear_outcome(directory: Path) -> None:
    """Forget how an earlier, interrupted run of the same trial ended."""
    (directory / _RESULT).unlink(missing_ok=True)


def failed(error: BaseException) -> Outcome:
    """The outcome of a trial that ended by an exception: its kind and first line."""
    line = (str(error).strip() or "no message").splitlines()[0]
    kind: Failure = "diverged" if isinstance(error, TrialFailed) else "error"
    return Outcome(failure=kind, reason=f"{type(error).__name__}: {line}")
