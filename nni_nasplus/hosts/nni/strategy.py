"""Any strategy as a strategy of ``NasExperiment``."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nni.nas.execution import ExecutionEngine
from nni.nas.execution.event import FinalMetricEvent, ModelEventType, TrainingEndEvent
from nni.nas.space import ExecutableModelSpace, ModelStatus, SimplifiedModelSpace
from nni.nas.strategy.base import Strategy as NniStrategy

from nni_nasplus.archive import Archive, Trial
from nni_nasplus.errors import UserError
from nni_nasplus.evaluator import Evaluator
from nni_nasplus.hosts.nni.pairing import take_own_parameters
from nni_nasplus.hosts.nni.results import split_result
from nni_nasplus.hosts.nni.trial import train_and_report
from nni_nasplus.run import described, instantiate
from nni_nasplus.run_files import JOURNAL
from nni_nasplus.search import Search
from nni_nasplus.strategy import SearchSpaceExhausted, Strategy
from nni_nasplus.trial_files import failure_reason, teachers_of, trial_directory

__all__ = ["NasModel", "NasStrategy"]

logger = logging.getLogger(__name__)


class NasModel(SimplifiedModelSpace):
    """A frozen model that, in its trial, trains its own architecture whatever the manager hands out.

    ``mutation_summary`` is where NNI's web UI looks for hyper-parameters.
    """

    run: str

    @classmethod
    def of(cls, space: SimplifiedModelSpace, trial: Trial, run: Path) -> NasModel:
        """The model of one trial of a run directory."""
        model = cls(space.model, {}, space.evaluator)
        model.sample, model.status = dict(trial.architecture), ModelStatus.Frozen
        model.run = str(run.resolve())
        return model

    def execute(self) -> Any:
        """Train and report, in the trial's process."""
        return take_own_parameters()._train()

    def _train(self) -> Any:
        if not isinstance(self.evaluator, Evaluator):
            return super().execute()
        space = self.model.trace_copy().get(traceable=False)
        assert self.sample is not None
        return train_and_report(space, self.evaluator, self.sample, Path(self.run))

    def _dump(self) -> dict[str, Any]:
        content = super()._dump() | {"run": self.run, "mutation_summary": self.sample}
        if isinstance(self.evaluator, Evaluator):
            content["evaluator"] = described(type(self.evaluator), self.evaluator.init_args)
        return content

    @classmethod
    def _load(cls, **content: Any) -> NasModel:
        if isinstance(content["evaluator"], Mapping):
            content["evaluator"] = instantiate(content["evaluator"], Evaluator)  # type: ignore[type-abstract]
        model = super()._load(**content)
        model.run = content["run"]
        return model


class NasStrategy(NniStrategy):
    """Run a strategy in NNI's experiment loop.

    Parameters
    ----------
    strategy
        The strategy, over the space given to the experiment (``SearchSpace.from_nni(space)``).
    directory
        Where the journal and the trials' weights are kept; by default ``nasplus/`` in the experiment's folder.

    Examples
    --------
    >>> strategy = NasStrategy(AgingEvolution(space.search_space, seed=0))
    >>> experiment = NasExperiment(space, evaluator, strategy)
    >>> experiment.run(port=8080)
    """

    def __init__(self, strategy: Strategy, directory: str | Path | None = None) -> None:
        super().__init__()
        self.strategy = strategy
        self.directory = Path(directory) if directory else None
        self._running: dict[int, NasModel] = {}
        self._lock = threading.Lock()
        self._search: Search | None = None

    def extra_repr(self) -> str:
        """The strategy inside."""
        return repr(self.strategy)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the archive has it all."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing: the archive has it all."""

    def _initialize(self, model_space: ExecutableModelSpace, engine: ExecutionEngine) -> ExecutableModelSpace:
        if not isinstance(model_space, SimplifiedModelSpace):
            raise UserError("NasStrategy needs the simplified model format; set config.model_format = 'simplified'")
        if self.directory is None:
            self.directory = _experiment_directory(engine)
        path, header = self.directory / JOURNAL, self._header()
        archive = Archive.open(path, header) if path.exists() else Archive.create(path, header)
        self._search = Search(self.strategy, archive)
        engine.register_model_event_callback(ModelEventType.FinalMetric, self._on_metric)
        engine.register_model_event_callback(ModelEventType.TrainingEnd, self._on_end)
        return model_space

    def _header(self) -> dict[str, Any]:
        inner = self.strategy
        return {
            "strategy": type(inner).__name__,
            "seed": inner.seed,
            "direction": inner.direction,
            "space": inner.space.to_json(),
        }

    def _run(self) -> None:
        assert self._search is not None
        while self.wait_for_resource():
            try:
                with self._lock:
                    trial = self._search.ask()
            except SearchSpaceExhausted as exhausted:
                logger.info("%s", exhausted)
                break
            model = self._model(trial)
            self._running[trial.number] = model
            self.engine.submit_models(model)
        self.engine.wait_models()

    def _model(self, trial: Trial) -> NasModel:
        assert isinstance(self.model_space, SimplifiedModelSpace)
        assert self.directory is not None
        return NasModel.of(self.model_space, trial, self.directory)

    def _number(self, model: NasModel) -> int | None:
        return next((number for number, running in self._running.items() if running is model), None)

    def _on_metric(self, event: FinalMetricEvent) -> None:
        if isinstance(event.model, NasModel):
            self._tell(event.model, **split_result(event.metric), teachers=teachers_of(self._folder(event.model)))

    def _on_end(self, event: TrainingEndEvent) -> None:
        if isinstance(event.model, NasModel):
            left = failure_reason(self._folder(event.model))
            self._tell(event.model, score=None, reason=left or "the trial ended without a result; see its log")

    def _tell(self, model: NasModel, **result: Any) -> None:
        assert self._search is not None
        with self._lock:
            number = self._number(model)
            if number is not None and self._search.archive.trials[number].status == "pending":
                self._search.tell(number, **result)

    def _folder(self, model: NasModel) -> Path:
        assert self.directory is not None
        assert model.sample is not None
        return trial_directory(self.directory, self.strategy.space.key(model.sample))

    def _cleanup(self) -> None:
        if self._search is not None:
            self._search.archive.close()

    def list_models(self, sort: bool = True, limit: int | None = None) -> Iterator[ExecutableModelSpace]:
        """Finished models from the archive: best first in the strategy's direction, or in order of proposal."""
        assert self._search is not None
        archive = self._search.archive
        trials = archive.best(self.strategy.direction) if sort else archive.trials
        for trial in trials[:limit]:
            model = self._model(trial)
            model.metrics.final = trial.score
            model.status = {"done": ModelStatus.Trained, "failed": ModelStatus.Failed}.get(
                trial.status, ModelStatus.Training
            )
            yield model


def _experiment_directory(engine: ExecutionEngine) -> Path:
    experiment = engine.nodejs_binding  # type: ignore[attr-defined]
    config = experiment.config.canonical_copy()
    return Path(config.experiment_working_directory) / experiment.id / "nasplus"
