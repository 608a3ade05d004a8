"""The best architectures trained again: one lucky training makes no winner."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats

from nni_nasplus.run.directory.repeats import key_of, repeat_folder
from nni_nasplus.run.run import Run
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, Training, trial_contender
from nni_nasplus.tail.workers import Workers

__all__ = ["Repeated", "indistinct", "noise_of", "repeated"]

BEST = 3
"""Architectures that are trained again: the winner of a search is nearly always among its three best."""
MOST_SEEDS = 5
"""Trainings of one architecture, the trial itself among them: more would tell differences that are of no use."""
LEVEL = 0.95
"""How sure it must be that one architecture is better than another, by Student's t."""


@dataclass(frozen=True)
class Repeated:
    """An architecture and its trainings.

    Parameters
    ----------
    trainings
        On the split of the run, the trial first.
    folds
        Its networks in the order of the folds, each trained without one of them; none where it was not bagged.
    """

    trainings: tuple[Contender, ...]
    folds: tuple[Contender, ...] = ()

    @property
    def name(self) -> str:
        """That of the trial."""
        return self.trainings[0].name

    @property
    def key(self) -> str:
        """That of the architecture in its space."""
        return self.trainings[0].folder.name

    @property
    def mean(self) -> float:
        """Of the validation scores."""
        return fmean(contender.score for contender in self.trainings)

    @property
    def out_of_fold(self) -> float | None:
        """The mean over folds of the score on the one that was held out; None where it was not bagged."""
        return fmean(one.score for one in self.folds) if self.folds else None

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


def repeated(run: Run, budget: Budget, workers: Workers) -> list[Repeated]:
    """Train the best architectures of a search with other seeds until one is clearly ahead, or the budget is used.

    Each turn trains, of those that may still win, the one that was trained least.

    Returns
    -------
    The architectures, best mean first.
    """
    sign = 1.0 if run.settings.direction == "maximize" else -1.0
    best = run.history().best
    whole = [trial_contender(run, trial) for trial in best if trial.reached >= best[0].reached][:BEST]
    found, begun = {one.folder.name: [one] for one in whole}, Counter(one.folder.name for one in whole)
    for training, contender in workers.each(lambda: _next(run, found, begun, sign, budget)):
        key = key_of(training.folder)
        if contender is None:
            found.pop(key, None)
        elif key in found:
            found[key] = sorted([*found[key], contender], key=lambda one: one.seed)
    return sorted(_of(found), key=lambda one: -sign * one.mean)


def _of(found: dict[str, list[Contender]]) -> list[Repeated]:
    """By what has ended of each."""
    return [Repeated(tuple(trainings)) for trainings in found.values()]


def indistinct(ranked: Sequence[Repeated]) -> list[Repeated]:
    """Of architectures, best mean first, those that are not clearly behind the best, it among them."""
    freedom = _freedom(ranked)
    if not freedom:
        return list(ranked)
    bound = stats.t.ppf((1 + LEVEL) / 2, freedom) * noise_of(ranked)
    return [one for one in ranked if not _behind(one, ranked[0], bound)]


def _next(
    run: Run, found: dict[str, list[Contender]], begun: Counter[str], sign: float, budget: Budget
) -> Training | None:
    """Whose turn it is; None where the winner is clear, all are trained often, or no time is left."""
    able = [one for one in _open(_of(found), sign) if begun[one.key] < MOST_SEEDS]
    able = [one for one in able if budget.allows(one.trainings[0].outcome.cost or 0.0)]
    turn = min(able, key=lambda one: (begun[one.key], -sign * one.mean), default=None)
    if turn is None:
        return None
    begun[turn.key] += 1
    return _again(run, turn.trainings[0], begun[turn.key] - 1)


def _again(run: Run, trial: Contender, number: int) -> Training:
    folder, seed = repeat_folder(run.directory, trial.folder.name, number), trial.seed + number
    return Training(f"{trial.name}, seed {seed}", trial.space, trial.architecture, folder, seed)


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
