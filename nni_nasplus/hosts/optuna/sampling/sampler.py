"""Any strategy as a sampler of Optuna."""

from __future__ import annotations

import itertools
import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import TrialPruned
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import fail_stale_trials
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.optuna.sampling.concurrency import Turnstile, claim, trials_of
from nni_nasplus.hosts.optuna.sampling.following import FollowingSearch
from nni_nasplus.hosts.optuna.sampling.outcomes import REASON, keep_rejection
from nni_nasplus.hosts.optuna.sampling.parts import FollowingParts
from nni_nasplus.hosts.optuna.sampling.suggestion import ARCHITECTURE, EPOCHS, ORIGIN, architecture_of, distributions
from nni_nasplus.search.epochs.budget import Budget
from nni_nasplus.search.history import History, SearchSpaceExhausted
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.search import MOST_REJECTED, Search
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.time_limit import TimeLimit
from nni_nasplus.search.trial import Proposal

__all__ = ["SPACE", "NasSampler", "is_hopeless"]

SPACE = "nasplus:space"
"""The system attribute of a study that holds the space searched."""
_ATTEMPT = 2**32
"""Draws of a trial's further attempts are apart from those of every other trial."""


class _NothingLeft(SearchSpaceExhausted, TrialPruned):
    """Ends a trial for which nothing is left; a study takes it for a pruned one, which is no failure."""


class NasSampler(BaseSampler):
    """Propose the architectures of a strategy, whole and canonical; :func:`suggest` reads them off a trial.

    The history of the search is the study: its storage may be shared by processes and machines, and a new process goes
    on where others are. What others train counts as in training, and what finished anywhere is learned from. The
    direction is the study's. Parameters that are no decision of the space are drawn at random.

    Parameters
    ----------
    strategy
        What proposes.
    space
        What to search.
    seed
        Equal seeds and equal studies give equal proposals.
    initial
        What to train first; None for the space's, or for nothing where results change nothing.
    ranking
        What the strategy's presearch has found.
    earlier
        Searches to learn from, or their memory; see :class:`~nni_nasplus.search.search.Search`.
    excess
        Which limit an architecture exceeds, in words, or None; those that exceed one are kept in the study with that
        reason, and never trained.
    costs
        User attributes of the trials that are to be small beside a good value, such as ``parameters``.
    budget
        How far trials are trained, which the study's objective has to heed: see
        :mod:`~nni_nasplus.hosts.optuna.sampling.parts`. None for whole trainings.
    time_limit
        When the search is to end: what would be trained after it is left, as where nothing is left. None for no end.

    Raises
    ------
    UserError
        If the seed is negative or an initial architecture is not in the space; when used with a study of another space.
    ValueError
        When used with several objectives.
    SearchSpaceExhausted
        When every architecture was proposed, or nothing within the limits is found. A study stops by itself as the last
        one is proposed; a trial that another worker has begun by then is pruned, with this as its reason. Only where
        nothing within the limits was ever found does ``optimize`` raise it.

    Examples
    --------
    >>> sampler = NasSampler(ThompsonSampling(), space, seed=0)
    >>> study = optuna.create_study(sampler=sampler, direction="maximize")
    >>> study.optimize(lambda trial: train(suggest(trial, space)), n_trials=20)
    """

    def __init__(
        self,
        strategy: Strategy,
        space: SearchSpace,
        *,
        seed: int = 0,
        initial: Sequence[Mapping[str, Any]] | None = None,
        ranking: Ranking | None = None,
        earlier: Sequence[History] | Memory = (),
        excess: Callable[[Architecture], str | None] | None = None,
        costs: Sequence[str] = (),
        budget: Budget | None = None,
        time_limit: TimeLimit | None = None,
    ) -> None:
        self.space = space
        how: dict[str, Any] = {"initial": initial, "ranking": ranking, "earlier": earlier, "excess": excess}
        how |= {"costs": costs, "time_limit": time_limit}
        self._begin = partial(Search, space, strategy, seed=seed, budget=budget, **how)
        self._follower: type[FollowingSearch | FollowingParts] = FollowingSearch if budget is None else FollowingParts
        self._following = self._follower(self._begin)
        self._study: tuple[int, int] | None = None
        self._others = RandomSampler(seed=seed)
        self._make_locks()
        self._distributions = distributions(space)

    @property
    def history(self) -> History:
        """The trials of the study, as far as they are known here."""
        return self._following.history

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_lock", "_turnstile")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._make_locks()

    def _make_locks(self) -> None:
        self._lock = threading.Lock()
        self._turnstile = Turnstile()

    def reseed_rng(self) -> None:
        """Draw what is no decision of the space anew; proposals differ by their trials' numbers.

        Optuna calls this in each of ``n_jobs`` threads that is about to make a trial: it waits while others may get
        what is left.
        """
        self._others.reseed_rng()
        self._turnstile.enter(lambda: self._left)

    @property
    def _left(self) -> float:
        """How many architectures nobody has proposed, as far as is known here; with a budget trials may go on."""
        if self.space.size is None or self._follower is FollowingParts:
            return math.inf
        return self.space.size - self.history.proposed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Every decision of the space."""
        self._raise_error_if_multi_objective(study)
        return dict(self._distributions)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """An architecture, in the storage before anybody trains it; a retried trial keeps its own."""
        self._raise_error_if_multi_objective(study)
        architecture: Architecture = {}
        if self._distributions.keys() <= search_space.keys():
            with self._lock:
                self.turn_to(study)
            architecture = architecture_of(trial, self.space) or self._propose(study, trial)
        rest = {name: kind for name, kind in search_space.items() if name not in self._distributions}
        return architecture | {name: self._other(study, trial, name, kind) for name, kind in rest.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A random value: it is no active decision of the architecture."""
        self._raise_error_if_multi_objective(study)
        return self._other(study, trial, param_name, param_distribution)

    def _other(self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution) -> Any:
        return self._others.sample_independent(study, trial, name, distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Stop the study when nothing is left to propose, for others may have proposed it."""
        if architecture_of(trial, self.space) and len(study.directions) == 1:
            with self._lock:
                self.turn_to(study)
                self._following.follow(trials_of(study))
                self._stop_at_the_end(study)
        self._turnstile.leave()

    def _stop_at_the_end(self, study: Study) -> None:
        if self._left <= 0 and all(trial.state != TrialState.WAITING for trial in trials_of(study)):
            _stop(study)

    def _propose(self, study: Study, trial: FrozenTrial) -> Architecture:
        try:
            with self._lock:
                architecture = self._claimed(study, trial)
                self._stop_at_the_end(study)
        except SearchSpaceExhausted as exhausted:
            raise self._end(study, trial, exhausted) from None
        finally:
            self._turnstile.leave()
        return architecture

    def _end(self, study: Study, trial: FrozenTrial, exhausted: SearchSpaceExhausted) -> SearchSpaceExhausted:
        """What ends a trial that was made in vain, and its study; one that is asked for by hand has ended by now."""
        was_found = any(known.status != "rejected" for known in self.history.trials)
        if was_found:
            study._storage.set_trial_user_attr(trial._trial_id, REASON, str(exhausted))
        if not _stop(study):
            state = TrialState.PRUNED if was_found else TrialState.FAIL
            study._storage.set_trial_state_values(trial._trial_id, state)
        return _NothingLeft(str(exhausted)) if was_found else exhausted

    def _claimed(self, study: Study, trial: FrozenTrial) -> Architecture:
        """The first proposal that no other worker makes as well; it is in the storage before anybody trains it."""
        attempts = itertools.count()
        while True:
            proposal = self._within_limits(study, trial, attempts)
            self._following.propose(proposal)
            if claim(study, trial, proposal.architecture, self.space, proposal.epochs):
                break
            fail_stale_trials(study)  # a process that died with its claim would keep it from everybody
        if proposal.epochs is not None:
            study._storage.set_trial_system_attr(trial._trial_id, EPOCHS, proposal.epochs)
        study._storage.set_trial_system_attr(trial._trial_id, ORIGIN, proposal.origin)
        study._storage.set_trial_system_attr(trial._trial_id, ARCHITECTURE, proposal.architecture)
        return proposal.architecture

    def _within_limits(self, study: Study, trial: FrozenTrial, attempts: Iterator[int]) -> Proposal:
        """The first proposal that keeps to the limits; those before it are left in the study."""
        while True:
            self._following.follow(trials_of(study))
            _require_hope(self.history)
            search, attempt = self._following.search, next(attempts)
            proposal = search.propose(draw=trial.number + attempt * _ATTEMPT)
            is_new = self.history.is_new(proposal.architecture)
            excess = search.excess(proposal.architecture) if search.excess and is_new else None
            if excess is None:
                return proposal
            keep_rejection(study, trial, attempt, proposal, excess)

    def turn_to(self, study: Study) -> None:
        """Look once at a study whether it is of this space; the first to come says which space it is.

        Raises
        ------
        UserError
            If it is not.
        """
        key = (id(study._storage), study._study_id)
        if key == self._study:
            return
        known = study._storage.get_study_system_attrs(study._study_id).get(SPACE)
        own = json.loads(json.dumps(self.space.to_json()))
        if known is None:
            study._storage.set_study_system_attr(study._study_id, SPACE, own)
        elif known != own:
            there = SearchSpace.from_json(known)
            raise UserError(f"study {study.study_name} searches another space: {_difference(there, self.space)}")
        direction = study.direction.name.lower()
        self._following, self._study = self._follower(partial(self._begin, direction=direction)), key


def _stop(study: Study) -> bool:
    """Stop the loop that a study is in; whether it is in one, and not driven by ask and tell."""
    try:
        study.stop()
    except RuntimeError:
        return False
    return True


def is_hopeless(history: History) -> bool:
    """Whether nothing but rejected proposals came of late, whichever trials they were made for: all that wait would
    meet the same.
    """
    latest = history.trials[-MOST_REJECTED:]
    return len(latest) == MOST_REJECTED and all(trial.status == "rejected" for trial in reversed(latest))


def _require_hope(history: History) -> None:
    """Raise :class:`SearchSpaceExhausted` if the history is hopeless."""
    if is_hopeless(history):
        reason = history.trials[-1].reason
        raise SearchSpaceExhausted(f"{MOST_REJECTED} proposals in a row exceed the limits, the last: {reason}")


def _difference(there: SearchSpace, here: SearchSpace) -> str:
    """The first decision that two spaces do not share."""
    known, own = there.to_json(), here.to_json()
    for name in {**known, **own}:
        if known.get(name) != own.get(name):
            had, has = (space.get(name, {}).get("_value", "absent") for space in (known, own))
            return f"decision '{name}' is {had} there and {has} here"
    return "its decisions have another order"
