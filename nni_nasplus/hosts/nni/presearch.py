"""What a strategy looks for before a search, as a trial of the experiment: the web UI shows how it goes.

The experiment begins with this trial alone. Before it ends it leaves what it has found in ``presearch.json``, or how it
failed in the run directory's ``presearch/``: NNI may ask for more before it tells of the end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from nni_nasplus.run.run import PRESEARCH, Run
from nni_nasplus.search.trial import Outcome
from nni_nasplus.training.trial_folder import clear_outcome, outcome_in, write_outcome

__all__ = ["FirstTrial", "Send", "allow_concurrency", "is_presearch", "presearch_directory"]

logger = logging.getLogger(__name__)

_SHOWN = "mutation_summary"
"""Where NNI's web UI looks for hyper-parameters to draw; a presearch has none."""
Send = Callable[[int, dict[str, Any]], None]


def presearch_directory(run: Path) -> Path:
    """Where it is kept how the presearch of a run failed."""
    return run / "presearch"


def is_presearch(parameters: Mapping[str, Any]) -> bool:
    """Whether a trial with these parameters is the presearch; else they are an architecture."""
    return parameters.keys() == {"presearch", "seed", _SHOWN}


class FirstTrial:
    """The tuner's side: which trial is the presearch, and who waits for it."""

    def __init__(self, run: Run) -> None:
        self.folder = presearch_directory(run.directory)
        self.parameters = {"presearch": run.settings.strategy, "seed": run.settings.seed, _SHOWN: {}}
        self.waiting: list[tuple[int, Send]] = []
        self._found = run.directory / PRESEARCH
        self._running: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether it has found what the strategy needs."""
        return self._found.exists()

    def hand_out(self, parameter_ids: Sequence[int], send: Send) -> list[dict[str, Any]]:
        """The presearch for the first of them, where it does not run yet; the others wait, unless it has failed."""
        answer = []
        if self._running is None:
            clear_outcome(self.folder)
            self._running, *parameter_ids = parameter_ids
            answer = [self.parameters]
        if outcome_in(self.folder) is None:
            self.waiting += [(parameter_id, send) for parameter_id in parameter_ids]
        return answer

    def is_mine(self, parameter_id: int) -> bool:
        """Whether a trial is the presearch."""
        return parameter_id == self._running

    def conclude(self, post_mortem: Callable[[], Outcome]) -> list[tuple[int, Send]]:
        """Take note that the trial has ended without having found anything; who waits for it, if it is tried again.

        Parameters
        ----------
        post_mortem
            Tells how, where the trial did not itself.
        """
        outcome = outcome_in(self.folder) or post_mortem()
        if outcome.failure != "interrupted":
            logger.error("the presearch failed: %s", outcome.reason)
            write_outcome(self.folder, outcome)
            return []
        logger.warning("the presearch was ended from outside and is tried again")
        self._running, waiting, self.waiting = None, self.waiting, []
        return waiting


def allow_concurrency(trials: int, api: str) -> None:
    """Let at least so many trials run at a time; more stay allowed where the user has said so in the web UI."""
    profile = requests.get(f"{api}/experiment", timeout=10).json()
    if profile["params"]["trialConcurrency"] < trials:
        profile["params"]["trialConcurrency"] = trials
        requests.put(f"{api}/experiment?update_type=TRIAL_CONCURRENCY", json=profile, timeout=10).raise_for_status()
