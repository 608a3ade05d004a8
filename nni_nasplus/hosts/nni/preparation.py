"""What a strategy does before a search, as a trial of the experiment: the web UI shows how it goes.

The experiment begins with this trial alone. Before it ends it keeps the strategy's options in ``run.json``, or the
reason of its failure in the run directory's ``preparation/``: NNI may ask for more before it tells of the end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from nni_nasplus.run.run import Run
from nni_nasplus.search.search import INTERRUPTED
from nni_nasplus.training.trial_folder import clear_outcome, failure_reason, write_reason

__all__ = ["Preparation", "Send", "allow_concurrency", "is_preparation", "keep_options", "preparation_directory"]

logger = logging.getLogger(__name__)

_PREPARED = "prepared"
_SHOWN = "mutation_summary"
Send = Callable[[int, dict[str, Any]], None]


def preparation_directory(run: Path) -> Path:
    """Where the reason is kept that the preparation of a run failed for."""
    return run / "preparation"


def is_preparation(parameters: Mapping[str, Any]) -> bool:
    """Whether a trial with these parameters is to prepare; else they are an architecture."""
    return parameters.keys() == {"prepare", "seed", _SHOWN}


def keep_options(directory: Path, options: Mapping[str, Any]) -> None:
    """Replace the options of a run by those that its preparation has found."""
    Run.rewrite(directory, {**Run.open(directory).settings, "options": dict(options), _PREPARED: True})


class Preparation:
    """The tuner's side: which trial prepares, and who waits for it.

    Parameters
    ----------
    directory
        The run's.
    strategy, seed
        What the web UI says of the trial; hyper-parameters to draw, under ``mutation_summary``, it has none.
    """

    def __init__(self, directory: Path, strategy: str, seed: int) -> None:
        self.directory = directory
        self.parameters = {"prepare": strategy, "seed": seed, _SHOWN: {}}
        self.waiting: list[tuple[int, Send]] = []
        self._running: int | None = None

    @property
    def options(self) -> dict[str, Any] | None:
        """What it found; None before its end."""
        settings = Run.open(self.directory).settings
        return dict(settings["options"]) if settings.get(_PREPARED) else None

    def hand_out(self, parameter_ids: Sequence[int], send: Send) -> list[dict[str, Any]]:
        """The preparation for the first of them, where it does not run yet; the others wait, unless it has failed."""
        answer = []
        if self._running is None:
            clear_outcome(preparation_directory(self.directory))
            self._running, *parameter_ids = parameter_ids
            answer = [self.parameters]
        if failure_reason(preparation_directory(self.directory)) is None:
            self.waiting += [(parameter_id, send) for parameter_id in parameter_ids]
        return answer

    def is_mine(self, parameter_id: int) -> bool:
        """Whether a trial is the one that prepares."""
        return parameter_id == self._running

    def conclude(self, reason: Callable[[], str]) -> list[tuple[int, Send]]:
        """Take note that the trial has ended without having found anything; who waits for it, if it is tried again.

        Parameters
        ----------
        reason
            Tells why, where the trial left no reason itself.
        """
        folder = preparation_directory(self.directory)
        why = failure_reason(folder) or reason()
        if why != INTERRUPTED:
            logger.error("the preparation failed: %s", why)
            write_reason(folder, why)
            return []
        logger.warning("the preparation was ended from outside and is tried again")
        self._running, waiting, self.waiting = None, self.waiting, []
        return waiting


def allow_concurrency(trials: int, api: str) -> None:
    """Let at least so many trials run at a time; more stay allowed where the user has said so in the web UI."""
    profile = requests.get(f"{api}/experiment", timeout=10).json()
    if profile["params"]["trialConcurrency"] < trials:
        profile["params"]["trialConcurrency"] = trials
        requests.put(f"{api}/experiment?update_type=TRIAL_CONCURRENCY", json=profile, timeout=10).raise_for_status()
