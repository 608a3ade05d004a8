"""Optuna: the TPE and the Gaussian-process sampler."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import Trial, TrialState, create_trial

from nni_nasplus.hosts.optuna import NasSampler, suggest
from nni_nasplus.replay.replay import Table
from nni_nasplus.search.history import Direction
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import make_strategy

from .base import Peer, Suggestion

__all__ = ["PrunedOptuna", "optuna_gp", "optuna_tpe", "sampler"]


class Optuna(Peer):
    """A study with one sampler; only active decisions are suggested. Trials in training are known to it as running."""

    def __init__(self, table: Table, seed: int, sampler: optuna.samplers.BaseSampler) -> None:
        super().__init__(table, seed)
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self._study = optuna.create_study(direction=table.direction, sampler=sampler)
        self._choices = {n: CategoricalDistribution(values) for n, values in table.pool.decisions.items()}

    def _suggest(self) -> Suggestion:
        trial = self._study.ask()
        return Suggestion(self._architecture(trial), trial)

    def _architecture(self, trial: Trial) -> Architecture:
        found: Architecture = {}
        for name, choices in self._choices.items():
            conditions = self.table.pool.conditions.get(name, {})
            if all(found.get(parent) in allowed for parent, allowed in conditions.items()):
                found[name] = trial.suggest_categorical(name, choices.choices)  # type: ignore[assignment]
        return found

    def _learn(self, suggestion: Suggestion, architecture: Architecture, score: float | None) -> None:
        if score is not None and architecture == suggestion.architecture:
            self._study.tell(suggestion.handle, score)
            return
        self._study.tell(suggestion.handle, state=TrialState.FAIL)
        if score is not None:
            distributions = {name: self._choices[name] for name in architecture}
            self._study.add_trial(create_trial(params=architecture, distributions=distributions, value=score))


class PrunedOptuna(Optuna):
    """A study with a pruner too, which is asked after every epoch."""

    def __init__(
        self, table: Table, seed: int, sampler: optuna.samplers.BaseSampler, pruner: optuna.pruners.BasePruner
    ) -> None:
        super().__init__(table, seed, sampler)
        self._study.pruner = pruner
        self._pruned: dict[int, dict[int, float]] = {}
        """By row, what was reported of those that were pruned."""

    def train(self, asked: Suggestion, curve: Sequence[float]) -> int:
        """Report a row's curve until it is pruned or ends, and tell the study; how many epochs that were."""
        trial, reported = self._asked[asked.handle].handle, {}
        for epoch, score in enumerate(map(float, curve), start=1):
            trial.report(score, epoch)
            reported[epoch] = score
            if epoch < len(curve) and trial.should_prune():
                self._pruned[asked.handle] = reported
                break
        score = reported[max(reported)]
        self.tell(asked, score if math.isfinite(score) else None)
        return max(reported)

    def _learn(self, suggestion: Suggestion, architecture: Architecture, score: float | None) -> None:
        reported = self._pruned.get(self.table.pool.row(architecture))
        if score is None or reported is None:
            super()._learn(suggestion, architecture, score)
            return
        self._study.tell(suggestion.handle, state=TrialState.FAIL)
        distributions = {name: self._choices[name] for name in architecture}
        told = {"params": architecture, "distributions": distributions, "intermediate_values": reported}
        self._study.add_trial(create_trial(state=TrialState.PRUNED, value=score, **told))


class Sampled:
    """A strategy of ours through :class:`~nni_nasplus.hosts.optuna.NasSampler`, by ask and tell of a study."""

    def __init__(self, sampler: NasSampler, direction: Direction) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = sampler.space
        self._study = optuna.create_study(direction=direction, sampler=sampler)

    def ask(self) -> Suggestion:
        """The architecture of a new trial."""
        trial = self._study.ask()
        return Suggestion(suggest(trial, self._space), trial)

    def tell(self, asked: Suggestion, score: float | None) -> None:
        """End its trial."""
        self._study.tell(asked.handle, score, state=TrialState.FAIL if score is None else None)


def sampler(table: Table, seed: int, budget: int, strategy: str = "thompson", **options: Any) -> Sampled:
    """Ours through Optuna, which should differ from ours in nothing."""
    return Sampled(NasSampler(make_strategy(strategy, options), table.space, seed=seed), table.direction)


def optuna_tpe(table: Table, seed: int, budget: int) -> Optuna:
    """Optuna's default sampler."""
    return Optuna(table, seed, optuna.samplers.TPESampler(seed=seed))


def optuna_gp(table: Table, seed: int, budget: int) -> Optuna:
    """Optuna's Gaussian process."""
    return Optuna(table, seed, optuna.samplers.GPSampler(seed=seed))
