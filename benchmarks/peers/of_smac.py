"""SMAC3: Bayesian optimisation with a random forest, and with Hyperband."""

from __future__ import annotations

import tempfile

import joblib
import numpy as np
from ConfigSpace import AndConjunction, CategoricalHyperparameter, Configuration, ConfigurationSpace, InCondition
from smac import HyperparameterOptimizationFacade, MultiFidelityFacade, Scenario
from smac.runhistory import StatusType, TrialInfo, TrialValue

from nni_nasplus.replay.replay import Table
from nni_nasplus.search.history import SearchSpaceExhausted
from nni_nasplus.search.space import Architecture, SearchSpace

from .base import Peer, Suggestion

__all__ = ["SmacHyperband", "smac"]


class smac(Peer):
    """SMAC's facade for hyperparameters with its defaults: a Sobol design, then a random forest with log EI.

    It minimises: a score to maximise becomes the error, 1 or 100 minus the score; a failure costs the worst so far.
    Two things that take nine tenths of its time are gone and its proposals the same: its forest polls a pool of
    threads, and makes room for a million leaves where there cannot be more than evaluations. It reproduces for
    equal PYTHONHASHSEED only.
    """

    def __init__(self, table: Table, seed: int, budget: int) -> None:
        super().__init__(table, seed)
        self._space = configuration_space(table.pool, seed)
        self._folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            self._space,
            deterministic=True,
            n_trials=budget,
            seed=seed,
            output_directory=self._folder.name,  # type: ignore[arg-type]
        )
        self._facade = HyperparameterOptimizationFacade(scenario, lambda config, seed: 0.0, logging_level=50)
        self._facade._model._rf_opts["max_leaf_nodes"] = 2 * budget  # type: ignore[attr-defined]
        self._ceiling = 0.0 if table.direction == "minimize" else 1.0 if np.nanmax(table.scores) <= 1 else 100.0
        self._worst = 0.0

    def _suggest(self) -> Suggestion:
        try:
            with joblib.parallel_config("sequential"):
                info = self._facade.ask()
        except StopIteration:
            raise SearchSpaceExhausted("SMAC finds nothing new") from None
        decisions = self.table.pool.decisions
        architecture = {name: decisions[name][int(info.config[name])] for name in decisions if name in info.config}
        return Suggestion(architecture, info)

    def _learn(self, suggestion: Suggestion, architecture: Architecture, score: float | None) -> None:
        info: TrialInfo = suggestion.handle
        if architecture != suggestion.architecture:
            self._forget(suggestion)
            decisions = self.table.pool.decisions
            values = {name: decisions[name].index(choice) for name, choice in architecture.items()}
            info = TrialInfo(Configuration(self._space, values=values), seed=info.seed)
        if score is not None:
            value = TrialValue(cost=abs(self._ceiling - score))
            self._worst = max(self._worst, value.cost)
        else:
            value = TrialValue(cost=self._worst, status=StatusType.CRASHED)
        self._facade.tell(info, value, save=False)

    def _forget(self, suggestion: Suggestion) -> None:
        running = self._facade.runhistory._running_trials
        running[:] = [trial for trial in running if trial != suggestion.handle]


def configuration_space(space: SearchSpace, seed: int) -> ConfigurationSpace:
    """The decisions and conditions, every choice by its position."""
    found = ConfigurationSpace(seed=seed)
    own = {name: CategoricalHyperparameter(name, list(range(len(v)))) for name, v in space.decisions.items()}
    found.add(*own.values())
    for name, parents in space.conditions.items():
        conditions = [
            InCondition(own[name], own[parent], [space.decisions[parent].index(choice) for choice in allowed])
            for parent, allowed in parents.items()
        ]
        found.add(AndConjunction(*conditions) if len(conditions) > 1 else conditions[0])
    return found


class SmacHyperband:
    """SMAC's facade for several fidelities with its defaults: Hyperband's brackets, and a random forest that proposes.

    What it proposes that is no row of the table is taken for the nearest row that no other of its proposals stands for.

    Parameters
    ----------
    epochs
        Of the lowest rung and of a whole training.
    """

    def __init__(self, table: Table, seed: int, epochs: tuple[float, float]) -> None:
        self.table = table
        self._rng = np.random.default_rng([seed, 1])
        self._folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            configuration_space(table.pool, seed),
            deterministic=True,
            n_trials=len(table.pool) * 10,
            min_budget=epochs[0],
            max_budget=epochs[1],
            seed=seed,
            output_directory=self._folder.name,  # type: ignore[arg-type]
        )
        self._facade = MultiFidelityFacade(scenario, lambda config, seed, budget: 0.0, logging_level=50)
        self._rows: dict[Configuration, int] = {}

    def ask(self) -> tuple[int, int, TrialInfo]:
        """The row to be trained next, to how many epochs, and SMAC's handle for it."""
        with joblib.parallel_config("sequential"):
            info = self._facade.ask()
        if info.config not in self._rows:
            self._rows[info.config] = self._row(info.config)
        return self._rows[info.config], round(info.budget or 0), info

    def tell(self, info: TrialInfo, cost: float) -> None:
        """How that ended, infinite for a failure."""
        is_known = bool(np.isfinite(cost))
        value = TrialValue(cost=cost) if is_known else TrialValue(cost=np.inf, status=StatusType.CRASHED)
        self._facade.tell(info, value, save=False)

    def _row(self, config: Configuration) -> int:
        decisions = self.table.pool.decisions
        wanted = {name: decisions[name][int(config[name])] for name in decisions if name in config}
        distances = self.table.pool.distances(wanted).astype(float)
        distances[list(self._rows.values())] = np.inf
        if not np.isfinite(distances).any():
            raise SearchSpaceExhausted("every row was proposed")
        return int(self._rng.choice(np.flatnonzero(distances == distances.min())))
