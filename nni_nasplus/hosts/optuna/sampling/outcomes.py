"""How trials of a study ended, as outcomes; and what was proposed for them in vain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.search.trial import Outcome, Proposal

__all__ = [
    "PAUSED",
    "REASON",
    "Rejection",
    "is_paused",
    "keep_outcome",
    "keep_pause",
    "keep_rejection",
    "kept_outcome",
    "outcome_of",
    "rejections_of",
]

REASON = "reason"
"""The user attribute that says why a trial failed, for people who look at optuna-dashboard."""
PAUSED = "paused after epoch"
"""The user attribute of a trial that has ended at a rung."""
_OUTCOME = "nasplus:outcome"
"""The system attribute of a trial that holds how it ended, as far as its worker could say so."""
_REJECTED = "nasplus:rejected:"
"""How the system attributes of a trial begin that hold what was proposed for it beyond a limit, one each: a database
may cut a long value off."""
_KILLED = "the worker was killed, or the trial failed without a reason"


class Rejection(NamedTuple):
    """A proposal that exceeds a limit, the trial that it was made for, and how it ended: never trained."""

    when: datetime
    number: int
    proposal: Proposal
    outcome: Outcome


def keep_outcome(trial: optuna.Trial, outcome: Outcome) -> None:
    """Leave in the study how a trial ended: whole for the search, its metrics and its reason for people."""
    trial.study._storage.set_trial_system_attr(trial._trial_id, _OUTCOME, outcome.to_json())
    for name, value in outcome.metrics.items():
        trial.set_user_attr(name, value)
    if outcome.reason is not None:
        trial.set_user_attr(REASON, outcome.reason)


def kept_outcome(trial: FrozenTrial) -> Outcome | None:
    """What the worker of a finished trial left; None where it was killed before, or was none of ours."""
    content = trial.system_attrs.get(_OUTCOME)
    score = trial.value if is_paused(trial) else _score(trial)
    if content is None or content["score"] != score or (trial.state == TrialState.PRUNED and not is_paused(trial)):
        return None  # a retried trial inherits what an earlier one had earned
    return Outcome.from_json(content)


def is_paused(trial: FrozenTrial) -> bool:
    """Whether a trial has ended at a rung, before the end of a whole training: see :func:`keep_pause`."""
    return trial.state == TrialState.PRUNED and trial.value is not None and PAUSED in trial.user_attrs


def keep_pause(trial: optuna.Trial, epochs: int, score: float) -> optuna.TrialPruned:
    """What to raise where a training is paused: to Optuna it is pruned, so that its best trial is a whole training.

    The value of a pruned trial is the last of its curve.
    """
    trial.study._storage.set_trial_intermediate_value(trial._trial_id, epochs, score)
    trial.set_user_attr(PAUSED, epochs)
    return optuna.TrialPruned(f"paused after {epochs} epochs")


def outcome_of(trial: FrozenTrial) -> Outcome:
    """How a finished trial ended, by whatever its worker left; a pruned one has no score."""
    if (kept := kept_outcome(trial)) is not None:
        return kept
    metrics = {name: float(value) for name, value in trial.user_attrs.items() if _is_finite(value)}
    told: dict[str, Any] = {"metrics": metrics, "cost": metrics.get("seconds")}
    if trial.state == TrialState.PRUNED:
        return Outcome(failure="cancelled", reason="pruned", **told)
    if (score := _score(trial)) is None:
        return Outcome(failure="error", reason=trial.user_attrs.get(REASON, _KILLED), **told)
    return Outcome(score=score, **told)


def _score(trial: FrozenTrial) -> float | None:
    return trial.value if trial.state == TrialState.COMPLETE and _is_finite(trial.value) else None


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def keep_rejection(study: optuna.Study, trial: FrozenTrial, attempt: int, proposal: Proposal, reason: str) -> None:
    """Leave in the study that a proposal for a trial exceeds a limit, for every process to see."""
    content: dict[str, Any] = {"architecture": proposal.architecture, "origin": proposal.origin, "reason": reason}
    study._storage.set_trial_system_attr(trial._trial_id, f"{_REJECTED}{attempt}", content)


def rejections_of(trial: FrozenTrial) -> Iterator[Rejection]:
    """What was rejected before a trial got its architecture, in order."""
    kept = {
        int(name.removeprefix(_REJECTED)): c for name, c in trial.system_attrs.items() if name.startswith(_REJECTED)
    }
    for attempt in sorted(kept):
        content = kept[attempt]
        yield Rejection(
            trial.datetime_start or datetime.min,
            trial.number,
            Proposal(content["architecture"], content["origin"]),
            Outcome(failure="rejected", reason=content["reason"]),
        )
