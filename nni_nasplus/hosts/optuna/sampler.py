"""Any strategy as a sampler of Optuna."""

from __future__ import annotations

import contextlib
import copy
import json
import threading
from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.optuna.history import History
from nni_nasplus.hosts.optuna.suggestion import ARCHITECTURE, ORIGIN, architecture_of, distributions
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Proposal, SearchSpaceExhausted, Strategy

__all__ = ["SPACE", "NasSampler"]

SPACE = "nasplus:space"
"""The system attribute of a study that holds the space searched."""
_ATTEMPT = 2**32


class NasSampler(BaseSampler):
    """Propose the architectures of a strategy, whole and canonical; :func:`suggest` reads them off a trial.

    The strategy's state is the study: its storage may be shared by processes and machines, and a new process goes on
    where others are. What others train counts as in training, and what finished anywhere is learned from. Parameters
    that are no decision of the space are drawn at random.

    Parameters
    ----------
    strategy
        New; its direction must be the study's.
    space
        Given, it must be the strategy's.

    Raises
    ------
    UserError
        If the space is not the strategy's; when used with a study of another direction or of another space.
    ValueError
        When used with several objectives.
    SearchSpaceExhausted
        When every architecture was proposed; a study stops by itself as the last one finishes.

    Examples
    --------
    >>> sampler = NasSampler(ThompsonSampling(space, seed=0, direction="maximize"))
    >>> study = optuna.create_study(sampler=sampler, direction="maximize")
    >>> study.optimize(lambda trial: train(suggest(trial, space)), n_trials=20)
    """

    def __init__(self, strategy: Strategy, space: SearchSpace | None = None) -> None:
        if space is not None and space != strategy.space:
            raise UserError(f"the strategy searches another space: {_difference(strategy.space, space)}")
        self._new = strategy
        self._history = History(copy.deepcopy(strategy))
        self._study: tuple[int, int] | None = None
        self._others = RandomSampler(seed=strategy.seed)
        self._lock = threading.Lock()
        self._distributions = distributions(strategy.space)

    @property
    def strategy(self) -> Strategy:
        """The strategy, as far as it knows the study."""
        return self._history.strategy

    @property
    def space(self) -> SearchSpace:
        """The space searched."""
        return self.strategy.space

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def reseed_rng(self) -> None:
        """Draw what is no decision of the space anew; proposals differ by their trials' numbers."""
        self._others.reseed_rng()

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
        """Stop the study when nothing is left to propose."""
        with self._lock:
            exhausted = self.space.size is not None and self.strategy.proposed >= self.space.size
        if exhausted:
            with contextlib.suppress(RuntimeError):  # a study that is driven by ask and tell cannot be stopped
                study.stop()

    def _propose(self, study: Study, trial: FrozenTrial) -> Architecture:
        """Write a proposal into the storage, then look whether another process has made the same."""
        with self._lock:
            for attempt in range(len(study._storage.get_all_trials(study._study_id, deepcopy=False)) + 1):
                self._follow(study, trial)
                architecture, origin = self._next(study, trial, attempt)
                study._storage.set_trial_system_attr(trial._trial_id, ORIGIN, origin)
                study._storage.set_trial_system_attr(trial._trial_id, ARCHITECTURE, architecture)
                if not self._is_taken(study, trial, architecture):
                    return architecture
        raise SearchSpaceExhausted("other processes propose whatever this one does; the space is nearly exhausted")

    def _next(self, study: Study, trial: FrozenTrial, attempt: int) -> Proposal:
        try:
            return self.strategy.propose(draw=trial.number + attempt * _ATTEMPT)
        except SearchSpaceExhausted:
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            raise

    def _follow(self, study: Study, trial: FrozenTrial) -> None:
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        self._history.follow(trials, but=trial.number)

    def _is_taken(self, study: Study, trial: FrozenTrial, architecture: Architecture) -> bool:
        others = study._storage.get_all_trials(study._study_id, deepcopy=False, states=(TrialState.RUNNING,))
        return any(
            other.number != trial.number and other.system_attrs.get(ARCHITECTURE) == architecture for other in others
        )

    def turn_to(self, study: Study) -> None:
        """Look once at a study whether it is of this direction and space; the first to come says which space it is.

        Raises
        ------
        UserError
            If it is not.
        """
        key = (id(study._storage), study._study_id)
        if key == self._study:
            return
        self._require_direction(study)
        known = study._storage.get_study_system_attrs(study._study_id).get(SPACE)
        own = json.loads(json.dumps(self.space.to_json()))
        if known is None:
            study._storage.set_study_system_attr(study._study_id, SPACE, own)
        elif known != own:
            there = SearchSpace.from_json(known)
            raise UserError(f"study {study.study_name} searches another space: {_difference(there, self.space)}")
        self._history, self._study = History(copy.deepcopy(self._new)), key

    def _require_direction(self, study: Study) -> None:
        direction, own = study.direction.name.lower(), self.strategy.direction
        if direction != own:
            raise UserError(
                f"study {study.study_name} is to {direction}, the strategy to {own}; "
                f"create the study with direction='{own}', or the strategy with direction='{direction}'"
            )


def _difference(there: SearchSpace, here: SearchSpace) -> str:
    """The first decision that two spaces do not share."""
    known, own = there.to_json(), here.to_json()
    for name in {**known, **own}:
        if known.get(name) != own.get(name):
            had, has = (space.get(name, {}).get("_value", "absent") for space in (known, own))
            return f"decision '{name}' is {had} there and {has} here"
    return "its decisions have another order"
