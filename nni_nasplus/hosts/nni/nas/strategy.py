"""Any strategy as a strategy of ``NasExperiment``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nni.nas.execution import ExecutionEngine
from nni.nas.execution.event import FinalMetricEvent, ModelEventType, TrainingEndEvent
from nni.nas.space import ExecutableModelSpace, ModelStatus, SimplifiedModelSpace
from nni.nas.strategy.base import Strategy as NniStrategy

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.nni.pairing import take_own_parameters
from nni_nasplus.hosts.nni.post_mortem import api_of, post_mortem
from nni_nasplus.hosts.nni.results import outcome_of
from nni_nasplus.hosts.nni.trial import train_and_report
from nni_nasplus.hosts.nni.watchdog import end_with_the_manager
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import described, instantiate
from nni_nasplus.search.history import Direction, History, SearchSpaceExhausted
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.search import RepeatedFailure, Search
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Outcome, Trial
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.trial_folder import outcome_in, trial_directory

__all__ = ["NasModel", "NasStrategy", "search_space_of"]

logger = logging.getLogger(__name__)

_POLL_S = 0.05
_BUDGET_S = 1.0
_UNKNOWN = Outcome(failure="error", reason="the trial ended without a result; see its log")
_STATUS = {
    "pending": ModelStatus.Training,
    "done": ModelStatus.Trained,
    "failed": ModelStatus.Failed,
    "rejected": ModelStatus.Failed,
}


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
            end_with_the_manager()
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


def search_space_of(model_space: Any) -> SearchSpace:
    """The decisions of an NNI ``ModelSpace``; one of this package says itself what they are."""
    return model_space.search_space if isinstance(model_space, NetworkSpace) else SearchSpace.from_nni(model_space)


class NasStrategy(NniStrategy):
    """Run a strategy in NNI's experiment loop, on the space given to the experiment.

    Parameters
    ----------
    strategy
        What proposes.
    directory
        Where the journal and the trials' weights are kept; by default ``nasplus/`` in the experiment's folder.
    seed, direction, initial, earlier, excess, max_failures
        Of the :class:`~nni_nasplus.search.search.Search`.

    Examples
    --------
    >>> strategy = NasStrategy(AgingEvolution(population_size=4), seed=0, direction="maximize")
    >>> experiment = NasExperiment(space, evaluator, strategy)
    >>> experiment.run(port=8080)
    """

    def __init__(
        self,
        strategy: Strategy,
        directory: str | Path | None = None,
        *,
        seed: int = 0,
        direction: Direction = "maximize",
        initial: Sequence[Mapping[str, Any]] | None = None,
        earlier: Sequence[History] | Memory = (),
        excess: Callable[[Architecture], str | None] | None = None,
        max_failures: int | None = None,
    ) -> None:
        super().__init__()
        self.strategy = strategy
        self.directory = Path(directory) if directory else None
        self.seed = seed
        self.direction: Direction = direction
        self._how: dict[str, Any] = {
            "initial": initial,
            "earlier": earlier,
            "excess": excess,
            "max_failures": max_failures,
        }
        self._running: dict[int, NasModel] = {}
        self._lock = threading.Lock()
        self._search: Search | None = None
        self._closed = False

    def extra_repr(self) -> str:
        """The strategy inside."""
        return repr(self.strategy)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the journal has it all."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing: the journal has it all."""

    def _initialize(self, model_space: ExecutableModelSpace, engine: ExecutionEngine) -> ExecutableModelSpace:
        if not isinstance(model_space, SimplifiedModelSpace):
            raise UserError("NasStrategy needs the simplified model format; set config.model_format = 'simplified'")
        if self._search is None:
            space = search_space_of(model_space.model.trace_copy().get(traceable=False))
            self.open(space, _experiment_directory(engine))
        engine.register_model_event_callback(ModelEventType.FinalMetric, self._on_metric)
        engine.register_model_event_callback(ModelEventType.TrainingEnd, self._on_end)
        return model_space

    def open(
        self,
        space: SearchSpace,
        experiment: Path,
        known: Callable[[Architecture], Outcome | None] = lambda architecture: None,
    ) -> History:
        """Start the journal, or go on with it; the history.

        Parameters
        ----------
        space
            That of the experiment.
        experiment
            The experiment's folder.
        known
            What the host knows of an interrupted trial that left no outcome in its own folder.
        """
        self.directory = self.directory or experiment / "nasplus"
        header = {"strategy": type(self.strategy).__name__, "seed": self.seed}
        journal = Journal.at(self.directory / JOURNAL, space, direction=self.direction, **header)
        self._search = Search(
            space, self.strategy, seed=self.seed, direction=self.direction, journal=journal, **self._how
        )
        self._search.recover(lambda trial: outcome_in(self._folder(trial.architecture)) or known(trial.architecture))
        return self._search.history

    @property
    def search(self) -> Search:
        """The search; it exists once the experiment has been started."""
        if self._search is None:
            raise RuntimeError("the search has not begun; run the experiment first")
        return self._search

    def close(self) -> None:
        """Write no more to the journal: what is still running counts as interrupted."""
        with self._lock:
            if self._search is not None and self._search.journal is not None:
                self._closed = True
                self._search.journal.close()

    def _run(self) -> None:
        """Train until the budget is used up; a trial that was ended from outside has raised it."""
        while self._submit():
            self.engine.wait_models()

    def _submit(self) -> int:
        """Submit models as workers become idle, until nothing is left to submit; how many it was."""
        submitted = 0
        while self.wait_for_resource() and (trial := self._ask()):
            model = self._model(trial)
            self._running[trial.number] = model
            self.engine.submit_models(model)
            submitted += 1
        return submitted

    def _ask(self) -> Trial | None:
        try:
            with self._lock:
                return self.search.ask()
        except SearchSpaceExhausted as exhausted:
            logger.info("%s", exhausted)
        except RepeatedFailure as failure:
            logger.error("the search stops: %s", failure)
        return None

    def wait_for_resource(self) -> bool:
        """Wait for an idle worker; False once the experiment's budget is used up."""
        checked = time.monotonic()
        while not self.engine.idle_worker_available():
            if time.monotonic() - checked >= _BUDGET_S:
                if not self.engine.budget_available():
                    return False
                checked = time.monotonic()
            time.sleep(_POLL_S)
        return self.engine.budget_available()

    def _model(self, trial: Trial) -> NasModel:
        assert isinstance(self.model_space, SimplifiedModelSpace)
        assert self.directory is not None
        return NasModel.of(self.model_space, trial, self.directory)

    def _number(self, model: NasModel) -> int | None:
        return next((number for number, running in list(self._running.items()) if running is model), None)

    def _on_metric(self, event: FinalMetricEvent) -> None:
        if isinstance(event.model, NasModel):
            self._conclude(event.model, self._left(event.model) or outcome_of(event.metric))

    def _on_end(self, event: TrainingEndEvent) -> None:
        if isinstance(event.model, NasModel) and self._number(event.model) is not None and not self._closed:
            self._conclude(event.model, self._left(event.model) or self._post_mortem(event.model))

    def _left(self, model: NasModel) -> Outcome | None:
        """What the trial left in its folder, which says more than NNI was sent."""
        return outcome_in(self._folder(model.sample))

    def _post_mortem(self, model: NasModel) -> Outcome:
        """What the manager says of a trial that said nothing itself."""
        engine: Any = self.engine
        parameter_id = next((number for number, known in engine._models.items() if known() is model), None)
        api = api_of(engine.nodejs_binding.tuner_command_channel)
        return _UNKNOWN if parameter_id is None else post_mortem(parameter_id, api)

    def _conclude(self, model: NasModel, outcome: Outcome) -> None:
        with self._lock:
            number = self._number(model)
            if number is not None and not self._closed:
                self.search.tell(number, outcome)
                del self._running[number]

    def _folder(self, architecture: Architecture | None) -> Path:
        assert self.directory is not None
        assert architecture is not None
        return trial_directory(self.directory, self.search.space.key(architecture))

    def _cleanup(self) -> None:
        self.close()

    def list_models(self, sort: bool = True, limit: int | None = None) -> Iterator[ExecutableModelSpace]:
        """Finished models from the journal: best first in the strategy's direction, or in order of proposal."""
        trials = self.search.history.best if sort else self.search.history.trials
        for trial in trials[:limit]:
            model = self._model(trial)
            model.metrics.final = trial.score
            model.status = _STATUS[trial.status]
            yield model


def _experiment_directory(engine: ExecutionEngine) -> Path:
    experiment = engine.nodejs_binding  # type: ignore[attr-defined]
    config = experiment.config.canonical_copy()
    return Path(config.experiment_working_directory) / experiment.id
