"""The best architectures trained again: one lucky training makes no winner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats

from nni_nasplus.run.run import Run
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, trained, trial_contender

__all__ = ["Repeated", "indistinct", "noise_of", "repeated"]

BEST = 3
"""Architectures that are trained again: the winner of a search is nearly always among its three best."""
MOST_SEEDS = 5
"""Trainings of one architecture, the trial itself among them: more would tell differences that are of no use."""
LEVEL = 0.95
"""How sure it must be that one architecture is better than another, by Student's t."""


@dataclass(frozen=True)
class Repeated:
    """An architecture and its trainings, the trial first."""

    trainings: tuple[Contender, ...]

    @property
    def name(self) -> str:
        """That of the trial."""
        return self.trainings[0].name

    @property
    def mean(self) -> float:
        """Of the validation scores."""
        return fmean(contender.score for contender in self.trainings)

    @property
    def best(self) -> Contender:
        """The training whose score is nearest to the mean from above or at it: no lucky one."""
        return min(self.trainings, key=lambda one: abs(one.score - self.mean))


def noise_of(candidates: Sequence[Repeated]) -> float:
    """The standard deviation of one training under another seed, pooled over architectures; NaN where none repeats."""
    squares = [(one.score - r.mean) ** 2 for r in candidates for one in r.trainings]
    freedom = _freedom(candidates)
    return math.sqrt(sum(squares) / freedom) if freedom else math.nan


def _freedom(candidates: Sequence[Repeated]) -> int:
    """The repeats that the noise is estimated from."""
    return sum(len(r.trainings) - 1 for r in candidates)


def repeated(run: Run, budget: Budget) -> list[Repeated]:
    """Train the best architectures of a search with other seeds until one is clearly ahead, or the budget is used.

    Each turn trains, of those that may still win, the one that was trained least.

    Returns
    -------
    The architectures, best mean first.
    """
    sign = 1.0 if run.settings.direction == "maximize" else -1.0
    best = run.history().best
    whole = [trial for trial in best if trial.reached >= best[0].reached]
    candidates = [Repeated((trial_contender(run, trial),)) for trial in whole[:BEST]]
    while turn := _next(candidates, sign, budget):
        contender = _again(run, turn, len(turn.trainings))
        rest = [one for one in candidates if one is not turn]
        candidates = [*rest, *([Repeated((*turn.trainings, contender))] if contender else [])]
    return sorted(candidates, key=lambda one: -sign * one.mean)


def indistinct(ranked: Sequence[Repeated]) -> list[Repeated]:
    """Of architectures, best mean first, those that are not clearly behind the best, it among them."""
    freedom = _freedom(ranked)
    if not freedom:
        return list(ranked)
    bound = stats.t.ppf((1 + LEVEL) / 2, freedom) * noise_of(ranked)
    return [one for one in ranked if not _behind(one, ranked[0], bound)]


def _again(run: Run, turn: Repeated, number: int) -> Contender | None:
    first = turn.trainings[0]
    folder = run.directory / "repeats" / f"{first.folder.name}_{number}"
    name = f"{turn.name}, seed {run.evaluator.seed + number}"
    return trained(run, name, first.space, first.architecture, folder, run.evaluator.seed + number)


def _next(candidates: Sequence[Repeated], sign: float, budget: Budget) -> Repeated | None:
    """Whose turn it is; None where the winner is clear, all are trained often, or no time is left."""
    able = [one for one in _open(candidates, sign) if len(one.trainings) < MOST_SEEDS]
    able = [one for one in able if budget.allows(one.trainings[0].outcome.cost or 0.0)]
    return min(able, key=lambda one: (len(one.trainings), -sign * one.mean), default=None)


def _open(candidates: Sequence[Repeated], sign: float) -> list[Repeated]:
    """Those that may still be the best one, it among them; none where that is alone."""
    if not candidates:
        return []
    near = indistinct(sorted(candidates, key=lambda one: -sign * one.mean))
    best = near[0]
    return near if len(near) > 1 or len(best.trainings) < 2 else []


def _behind(one: Repeated, best: Repeated, bound: float) -> bool:
    """Whether the difference exceeds a bound for that of single trainings, which shrinks as they are repeated."""
    return abs(one.mean - best.mean) > bound * math.sqrt(1 / len(one.trainings) + 1 / len(best.trainings))
