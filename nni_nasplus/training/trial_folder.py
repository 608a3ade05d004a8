"""What a trial leaves in its folder for the search to read: its weights, how it ended, and how training went."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from nni_nasplus._files import damage_named, is_disk_full, read_json, write_json
from nni_nasplus.errors import TrialFailed, UserError
from nni_nasplus.search.trial import Failure, Outcome

__all__ = [
    "CURVE",
    "LAST",
    "WEIGHTS",
    "clear_outcome",
    "curve_in",
    "failed",
    "inherited_weights",
    "outcome_in",
    "require_disk",
    "trial_directory",
    "write_outcome",
]

WEIGHTS = "model.safetensors"
LAST = "last.ckpt"
"""What training goes on from; Lightning's own name for the last of its checkpoints."""
CURVE = "curve.jsonl"
"""A line of JSON for each epoch, which :class:`~nni_nasplus.training.reporter.KeepCurve` writes."""
_RESULT = "result.json"


def trial_directory(run: str | Path, key: str) -> Path:
    """The folder of the architecture with this key."""
    return Path(run) / "trials" / key


def inherited_weights(run: str | Path, key: str) -> Path:
    """The file of weights that the architecture with this key begins with; there is none where it begins anew."""
    return Path(run) / "inherited" / f"{key}.safetensors"


def write_outcome(directory: Path, outcome: Outcome) -> None:
    """Keep how the trial ended, before the host hears of it: it outlives the host."""
    write_json(directory / _RESULT, outcome.to_json())


def outcome_in(directory: Path, epochs: int | None = None) -> Outcome | None:
    """How the trial ended; None where it did not, or nobody could say so, or what was said is damaged.

    Parameters
    ----------
    epochs
        What the trial was to be trained to; how it ended before it went on to these does not count.
    """
    path = directory / _RESULT
    with contextlib.suppress(UserError), damage_named(path):
        outcome = Outcome.from_json(read_json(path)) if path.is_file() else None
        return None if outcome is not None and outcome.is_before(epochs) else outcome
    return None


def clear_outcome(directory: Path) -> None:
    """Forget how an earlier, interrupted run of the same trial ended."""
    (directory / _RESULT).unlink(missing_ok=True)


def failed(error: BaseException) -> Outcome:
    """The outcome of a trial that ended by an exception: its kind and first line."""
    line = (str(error).strip() or "no message").splitlines()[0]
    kind: Failure = "diverged" if isinstance(error, TrialFailed) else "error"
    return Outcome(failure=kind, reason=f"{type(error).__name__}: {line}")


def require_disk(error: BaseException, run: str | Path) -> None:
    """Raise :class:`UserError` if a training ended by a full disk: that is no failure of the trial."""
    if is_disk_full(error):
        resume = f"make room, then go on with: nasplus resume {run}"
        raise UserError(f"no space left on the disk of {run}; what had finished is kept, {resume}") from error


def curve_in(folder: Path) -> list[dict[str, float]]:
    """The epochs of a training in order, each as it was trained last; none where nothing was kept.

    A line that is damaged, as the last one is after a crash, is left out: nothing but pictures depends on it.
    """
    path = folder / CURVE
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    epochs = {epoch["epoch"]: epoch for line in lines if (epoch := _epoch(line))}
    return [epochs[number] for number in sorted(epochs)]


def _epoch(line: str) -> dict[str, float] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    numbers = isinstance(found, dict) and all(isinstance(value, (int, float)) for value in found.values())
    return found if numbers and "epoch" in found else None
