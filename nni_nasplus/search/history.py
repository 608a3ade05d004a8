"""The history of a search: its trials in order, what they reached, and what is left to propose."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Literal

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.epochs.growth import growth
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.pareto import non_dominated
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.trial import Observation, Outcome, Proposal, Trial

__all__ = ["Direction", "History", "SearchSpaceExhausted"]

Direction = Literal["maximize", "minimize"]

_REJECTIONS = 200
"""Random draws before what is left is listed: while a hundredth of the space is new, 200 draws fail once in seven."""
_ENUMERABLE = 1_000_000
"""Architectures that are listed within seconds and some hundred megabytes; larger spaces are never nearly used up."""


class SearchSpaceExhausted(Exception):
    """Every architecture of the space has been proposed: the search is complete."""


class History:
    """The trials of a search, in order: all that a strategy knows.

    Trials may be in flight in any number, and end in any order.

    Parameters
    ----------
    space
        What is searched.
    direction
        Whether scores are to be maximised or minimised.
    initial
        What is proposed before the strategy is asked, in canonical form.
    ranking
        What a look at untrained networks has found before the first trial, if there was one.
    memory
        What earlier searches found, if there were any.
    costs
        The metrics of an outcome that are to be small, beside a good score.

    Raises
    ------
    UserError
        If the direction is unknown.
    """

    def __init__(
        self,
        space: SearchSpace,
        direction: Direction = "maximize",
        *,
        initial: Sequence[Architecture] = (),
        ranking: Ranking | None = None,
        memory: Memory | None = None,
        costs: Sequence[str] = (),
    ) -> None:
        if direction not in ("maximize", "minimize"):
            raise UserError(f"direction is {direction!r}; use 'maximize' or 'minimize'")
        self.space = space
        self.direction: Direction = direction
        self.initial = list(initial)
        self.ranking = ranking
        self.memory = memory
        self.costs = tuple(costs)
        self.trials: list[Trial] = []
        self.asked = 0
        """Proposals so far, those to go on among them: what randomness is drawn from beside the seed."""
        self.repeats: Mapping[str, Sequence[float]] = {}
        """By the key of an architecture, its scores in whole trainings under other seeds, which are no trials."""
        self.arrivals: dict[int, list[Trial]] = {}
        """By the epochs that trials were to be trained to, those that got there, in order of arrival."""
        self.is_budgeted = False
        """Whether scores of different epochs stand beside each other, which :attr:`observations` makes comparable."""
        self._by_key: dict[str, Trial] = {}
        self._observed: dict[str, Observation] = {}
        self._rejected: list[int] = []
        """The numbers of those that were never trained, ascending."""
        self._known_ahead: dict[float, float] | None = None
        self._known_grown: list[Observation] | None = None
        """What the results of a budgeted history were last found to be; None once there are others."""

    def ask(self, proposal: Proposal) -> Trial:
        """Take a proposal as being trained from now on: a new trial, or an earlier one that goes on.

        Raises
        ------
        UserError
            If the architecture is not in the space.
        ValueError
            If it was proposed before, and not to fewer epochs.
        """
        self.check(proposal)
        self.asked += 1
        trial = self.trial_of(proposal.architecture)
        if trial is None:
            trial = Trial(len(self.trials), self.space.validate(proposal.architecture), proposal.origin)
            self.trials.append(trial)
            self._by_key[self.space.key(trial.architecture)] = trial
        trial.cost_before = trial.cost or trial.cost_before
        trial.epochs, trial.outcome = proposal.epochs, None
        return trial

    def check(self, proposal: Proposal) -> None:
        """Raise what :meth:`ask` raises, and change nothing."""
        trial = self.trial_of(proposal.architecture)
        if trial is not None and not trial.may_go_on(proposal.epochs):
            raise ValueError(f"architecture {self.space.key(proposal.architecture)} was proposed before")

    def report(self, number: int, epochs: int, score: float) -> None:
        """Add a point to the curve of a trial that runs.

        Raises
        ------
        ValueError
            If the trial does not run.
        """
        self.require_pending(number)
        self.trials[number].curve[epochs] = score
        self._forget_growth()

    def tell(self, number: int, outcome: Outcome) -> None:
        """Take how a trial ended.

        Raises
        ------
        ValueError
            If the trial does not run.
        """
        self.require_pending(number)
        trial = self.trials[number]
        trial.outcome = outcome
        self._forget_growth()
        if outcome.score is not None:
            self._arrive(trial, outcome.score, outcome.epochs)
        if trial.status == "rejected":
            insort(self._rejected, number)
        key = self.space.key(trial.architecture)
        self._observed.pop(key, None)  # one that went on counts by its latest result, and as the latest
        utility = self._utility(outcome.score)
        self._observed[key] = Observation(trial.architecture, utility, outcome.cost, outcome.metrics)

    def _arrive(self, trial: Trial, score: float, epochs: int | None) -> None:
        """Take a score that stands for so many epochs, None for those asked for: a training may end for good before."""
        epochs = trial.epochs if epochs is None else epochs
        if epochs is not None:
            trial.curve[epochs] = score
        if trial.epochs is None or epochs is None:
            trial.reached = math.inf
            return
        trial.reached = epochs
        if epochs >= trial.epochs:
            trial.curve[trial.epochs] = score
            self.arrivals.setdefault(trial.epochs, []).append(trial)

    def require_pending(self, number: int) -> None:
        """Raise :class:`ValueError` if a trial is unknown or has ended."""
        if not 0 <= number < len(self.trials) or self.trials[number].status != "pending":
            raise ValueError(f"trial {number} is not pending")

    def _utility(self, score: float | None) -> float | None:
        return score if score is None or self.direction == "maximize" else -score

    def trial_of(self, architecture: Mapping[str, Any]) -> Trial | None:
        """The trial of an architecture; None where it was never proposed."""
        return self._by_key.get(self.space.key(architecture))

    @property
    def pending(self) -> list[Architecture]:
        """What is in training, the oldest first."""
        return [trial.architecture for trial in self.trials if trial.outcome is None]

    @property
    def keys(self) -> set[str]:
        """The keys of everything that was proposed; not to be changed."""
        return self._by_key.keys()  # type: ignore[return-value]

    @property
    def proposed(self) -> int:
        """How many different architectures were proposed."""
        return len(self._by_key)

    @property
    def begun(self) -> int:
        """How many architectures were handed out to be trained: all but rejected ones."""
        return len(self.trials) - len(self._rejected)

    def begun_before(self, trial: Trial) -> int:
        """How many of those that were handed out to be trained have a smaller number than a trial."""
        return trial.number - bisect_left(self._rejected, trial.number)

    @property
    def observations(self) -> list[Observation]:
        """What has ended, failures and rejected proposals too, in order of ending.

        In a budgeted history a score of few epochs counts with what is expected of more: see
        :func:`~nni_nasplus.search.epochs.growth.growth`. An architecture that was trained again under other seeds is
        one observation, of the mean of its trainings: what differs between them is noise.
        """
        seen = self._grown if self.is_budgeted else list(self._observed.values())
        return [self._averaged(one) for one in seen] if self.repeats else seen

    @property
    def succeeded(self) -> list[Observation]:
        """The observations with a score, in order of ending."""
        return [observation for observation in self.observations if observation.utility is not None]

    @property
    def scores(self) -> list[float | None]:
        """The score of every trial by number, None where there is none.

        That of few epochs comes with what more would bring, and that of several trainings is their mean.
        """
        ahead = self._ahead if self.is_budgeted else {}
        return [
            None if trial.score is None else self._mean(trial.architecture, trial.score + ahead.get(trial.reached, 0.0))
            for trial in self.trials
        ]

    def _averaged(self, seen: Observation) -> Observation:
        if seen.utility is None:
            return seen
        sign = 1.0 if self.direction == "maximize" else -1.0
        return seen._replace(utility=sign * self._mean(seen.architecture, sign * seen.utility))

    def _mean(self, architecture: Architecture, score: float) -> float:
        """Of the score of a trial, and of those of the same architecture under other seeds."""
        return fmean([score, *self.repeats.get(self.space.key(architecture), ())])

    @property
    def _grown(self) -> list[Observation]:
        """The observations as if all of them had come as far as the farthest; of what goes on, its latest."""
        if self._known_grown is None:
            sign, ahead = 1.0 if self.direction == "maximize" else -1.0, self._ahead
            self._known_grown = []
            for key, seen in self._observed.items():
                more = sign * ahead.get(self._by_key[key].reached, 0.0)
                grown = seen if seen.utility is None else seen._replace(utility=seen.utility + more)
                self._known_grown.append(grown)
        return self._known_grown

    @property
    def _ahead(self) -> dict[float, float]:
        if self._known_ahead is None:
            self._known_ahead = growth([trial.curve for trial in self.trials], sorted(self.arrivals))
        return self._known_ahead

    def _forget_growth(self) -> None:
        self._known_ahead = self._known_grown = None

    def utility_at(self, trial: Trial, epochs: int) -> float:
        """What a trial had reached after so many epochs, at which it arrived; higher is better in any search."""
        return trial.curve[epochs] if self.direction == "maximize" else -trial.curve[epochs]

    def points(self) -> np.ndarray:
        """What :attr:`succeeded` has reached, higher for better: the utility, then every cost with its sign turned.

        Returns
        -------
        np.ndarray
            float [succeeded, 1 + costs].

        Raises
        ------
        UserError
            If a trial has no such metric.
        """
        rows = [[one.utility, *(-self.cost_of(one, name) for name in self.costs)] for one in self.succeeded]
        return np.array(rows, dtype=float).reshape(len(rows), 1 + len(self.costs))

    def cost_of(self, observation: Observation, name: str) -> float:
        """What a result reports of a cost; UserError if it reports none by this name."""
        if name not in observation.metrics:
            known = ", ".join(observation.metrics) or "none"
            raise UserError(f"a trial has left no '{name}' to be made small; its metrics: {known}")
        return observation.metrics[name]

    @property
    def front(self) -> list[Trial]:
        """The trials with a score that none other dominates in score and costs, the best score first."""
        at_front = non_dominated(self.points())
        keys = {self.space.key(one.architecture) for one, is_at in zip(self.succeeded, at_front, strict=True) if is_at}
        return [trial for trial in self.best if self.space.key(trial.architecture) in keys]

    @property
    def by_time(self) -> list[Trial]:
        """The trials that are done or failed, in order of ending."""
        ended = map(self._by_key.__getitem__, self._observed)
        return [trial for trial in ended if trial.status in ("done", "failed")]

    @property
    def reasons(self) -> list[str]:
        """Why trials have failed, each reason once, three at most; where all was rejected, why the last one was."""
        failed = sorted({trial.reason or "no reason left" for trial in self.finished if trial.status == "failed"})
        rejected = [trial.reason for trial in self.trials if trial.status == "rejected"]
        if failed or not rejected:
            return failed[:3]
        return [f"{len(rejected)} proposals exceeded the limits, the last one: {rejected[-1]}"]

    @property
    def finished(self) -> list[Trial]:
        """The trials that are done or failed, by number."""
        return [trial for trial in self.trials if trial.status in ("done", "failed")]

    @property
    def best(self) -> list[Trial]:
        """The trials with a score, the best first, of equals the earlier; after all those that came farther."""
        sign = -1.0 if self.direction == "maximize" else 1.0
        farthest = max(self.arrivals, default=math.inf)
        done = [
            (-min(trial.reached, farthest), sign * trial.score, trial.number)
            for trial in self.trials
            if trial.score is not None
        ]
        return [self.trials[number] for *_, number in sorted(done)]

    def is_new(self, architecture: Mapping[str, Any]) -> bool:
        """Whether an architecture was never proposed."""
        return self.trial_of(architecture) is None

    def require_room(self) -> None:
        """Raise :class:`SearchSpaceExhausted` if everything was proposed."""
        if self.space.size is not None and self.proposed >= self.space.size:
            raise SearchSpaceExhausted(f"all {self.space.size:,} architectures of the space were proposed")

    def first_ranked(self) -> Proposal | None:
        """The first of the ranking that was never proposed; None where there is none left, or no ranking."""
        ranked = self.ranking.architectures if self.ranking else []
        return next((Proposal(one, "presearch") for one in ranked if self.is_new(one)), None)

    def random(self, rng: np.random.Generator) -> Proposal:
        """A random new architecture: by rejection, then by enumeration where little of the space is left.

        Raises
        ------
        SearchSpaceExhausted
            If there is none, or none was found in a space too large to list.
        """
        for attempt in range(_REJECTIONS):
            uniform: Literal["decision", "architecture"] = (
                "architecture" if attempt > _REJECTIONS // 2 and self.space.size else "decision"
            )
            if self.is_new(architecture := self.space.sample(rng, uniform)):
                return Proposal(architecture)
        if self.space.size is None or self.space.size > _ENUMERABLE:
            raise SearchSpaceExhausted(f"no new architecture in {_REJECTIONS} random draws")
        left = [architecture for architecture in self.space if self.is_new(architecture)]
        if not left:
            raise SearchSpaceExhausted("no new architecture is left")
        return Proposal(left[rng.integers(len(left))])
