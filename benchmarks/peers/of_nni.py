"""NNI 3.0: regularised evolution of its NAS strategies, TPE of its tuners."""

from __future__ import annotations

import logging

from nni.algorithms.hpo.tpe_tuner import TpeTuner
from nni.mutable import Categorical, MutableDict
from nni.nas.execution import ExecutionEngine
from nni.nas.execution.event import TrainingEndEvent
from nni.nas.space import ModelStatus, RawFormatModelSpace
from nni.nas.strategy import RegularizedEvolution

from nni_nasplus.replay.replay import Table
from nni_nasplus.search.history import SearchSpaceExhausted
from nni_nasplus.search.space import Architecture

from .base import Peer, Suggestion

__all__ = ["nni_evolution", "nni_tpe"]


class nni_evolution(Peer):
    """NNI's own individuals and population, with its defaults: a population of 100, samples of 25.

    Its loop over an execution engine is turned inside out: who comes next is decided as in its ``_run``. It knows
    no conditions, so all decisions have a value and the inactive ones do not count.
    """

    def __init__(self, table: Table, seed: int, budget: int, population_size: int = 100, sample_size: int = 25) -> None:
        super().__init__(table, seed)
        logging.getLogger("nni").setLevel(logging.ERROR)
        self._strategy = RegularizedEvolution(population_size=population_size, sample_size=sample_size, seed=seed)
        choices = {name: Categorical(values, label=name) for name, values in table.pool.decisions.items()}
        self._strategy.initialize(RawFormatModelSpace(MutableDict(choices), None), ExecutionEngine())

    def _suggest(self) -> Suggestion:
        s = self._strategy
        starting = len(s._population) + len(s._running_models) < s.population_size
        model = s._retry_helper.retry(s.random if starting else s.new_individual)
        if model is None:
            raise SearchSpaceExhausted("NNI's evolution finds nothing new")
        s._running_models.append(model)
        return Suggestion(self.table.pool.whole.validate(model.sample), model)

    def _learn(self, suggestion: Suggestion, architecture: Architecture, score: float | None) -> None:
        model = suggestion.handle
        model.sample = {**model.sample, **architecture}
        if score is not None:
            model.metrics.final = score if self.table.direction == "maximize" else -score
        status = ModelStatus.Failed if score is None else ModelStatus.Trained
        self._strategy.engine.dispatch_model_event(TrainingEndEvent(model, status))


class nni_tpe(Peer):
    """NNI's TPE tuner with its defaults; conditions as in :class:`nni_evolution`."""

    def __init__(self, table: Table, seed: int, budget: int) -> None:
        super().__init__(table, seed)
        self._tuner = TpeTuner(optimize_mode=table.direction, seed=seed)
        space = {name: {"_type": "choice", "_value": list(v)} for name, v in table.pool.decisions.items()}
        self._tuner.update_search_space(space)
        self._count = 0

    def _suggest(self) -> Suggestion:
        self._count += 1
        parameters = self._tuner.generate_parameters(self._count)
        return Suggestion(self.table.pool.whole.validate(parameters), (self._count, parameters))

    def _learn(self, suggestion: Suggestion, architecture: Architecture, score: float | None) -> None:
        number, parameters = suggestion.handle
        if score is not None and architecture == suggestion.architecture:
            self._tuner.receive_trial_result(number, parameters, score)
            return
        self._tuner.trial_end(number, score is not None)
        if score is not None:
            self._tuner.import_data([{"parameter": {**parameters, **architecture}, "value": score}])
