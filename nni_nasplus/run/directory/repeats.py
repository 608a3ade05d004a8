"""What was trained again under other seeds: where it lies in a run directory, and what it has reached."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from nni_nasplus.training.trial_folder import outcome_in

__all__ = ["key_of", "repeat_folder", "repeats_in"]

_REPEATS = "repeats"


def repeat_folder(directory: Path, key: str, number: int) -> Path:
    """That of a training, from 1 on, of the architecture with this key."""
    return directory / _REPEATS / f"{key}_{number}"


def key_of(folder: Path) -> str:
    """The key of the architecture that is trained in a folder of :func:`repeat_folder`."""
    return folder.name.rpartition("_")[0]


def repeats_in(directory: Path) -> dict[str, list[float]]:
    """The scores of those that have ended with one, by the key of their architecture."""
    scores = defaultdict(list)
    for folder in sorted((directory / _REPEATS).glob("*_*")):
        outcome = outcome_in(folder)
        if outcome is not None and outcome.score is not None:
            scores[key_of(folder)].append(outcome.score)
    return dict(scores)
