"""Any strategy as an NNI tuner, for ``nnictl`` and ``nni.experiment.Experiment``.

This module runs in NNI's dispatcher, which must be ready within ten seconds: it imports no torch.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import nni
import nni.runtime.msg_dispatcher_base
import requests
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni.runtime.tuner_command_channel import CommandType
from nni.tuner import Tuner

from nni_nasplus.hosts.nni.folders import nni_run_directory
from nni_nasplus.hosts.nni.post_mortem import api_of, reason_of
from nni_nasplus.hosts.nni.preparation import Preparation, Send, allow_concurrency
from nni_nasplus.hosts.nni.results import outcome_in, split_result
from nni_nasplus.hosts.nni.watchdog import end_with_the_manager
from nni_nasplus.networks.limits import Limits
from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL, Journal, Trial
from nni_nasplus.search.search import RepeatedFailure, Search
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.search.strategy import SearchSpaceExhausted, make_strategy
from nni_nasplus.training.trial_folder import teachers_of, trial_directory

__all__ = ["NasTuner"]

logger = logging.getLogger(__name__)

_POLL_S = 0.1


class _ImpatientQueue(queue.Queue[Any]):
    """NNI's dispatcher, which makes its queues after the tuner, looks only every three seconds whether it is to end."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        return super().get(block, _POLL_S if timeout else timeout)


_enqueue = MsgDispatcherBase.enqueue_command


def _enqueue_in_order(dispatcher: Any, command: CommandType, data: Any) -> None:
    """NNI leaves ends of trials to the assessor's thread, which may be later than the request for what comes next."""
    if command is CommandType.TrialEnd and dispatcher.assessor is None:
        dispatcher.default_command_queue.put((command, data))
    else:
        _enqueue(dispatcher, command, data)


class NasTuner(Tuner):
    """Proposes the architectures of a strategy; every step is in the archive first.

    Parameters
    ----------
    strategy
        The name of an installed strategy.
    optimize_mode
        ``maximize`` or ``minimize`` the trials' default metric.
    seed
        The strategy's seed.
    directory
        Where the journal is kept; by default ``nasplus/`` in the experiment's folder. An earlier journal there
        is continued.
    max_failures
        After so many failures in a row for one reason, nothing more is proposed.
    limits
        Those of :class:`~nni_nasplus.networks.limits.Limits`, checked before training; they need a run directory, whose
        space they are checked on, and make this process import torch.
    prepare
        Whether the first trial is the strategy's preparation; it needs a run directory, whose options are the
        strategy's from then on. The experiment begins with one trial at a time.
    **options
        The strategy's own arguments.
    """

    def __init__(
        self,
        strategy: str = "evolution",
        optimize_mode: str = "maximize",
        seed: int = 0,
        directory: str | None = None,
        max_failures: int | None = None,
        limits: Mapping[str, float | None] | None = None,
        prepare: bool = False,
        **options: Any,
    ) -> None:
        self.directory = Path(directory) if directory else nni_run_directory(Path(os.environ["NNI_LOG_DIRECTORY"]))
        self._settings: dict[str, Any] = {
            "strategy": strategy,
            "seed": seed,
            "direction": optimize_mode,
            "options": options,
        }
        self._max_failures = max_failures
        self._limits = Limits(**(limits or {}))
        self._preparation = Preparation(self.directory, strategy, seed) if prepare else None
        self._space: SearchSpace | None = None
        self._search: Search | None = None
        self._imported: list[dict[str, Any]] = []
        self._running: dict[int, int] = {}
        self._lock = threading.RLock()  # NNI tells ends and asks for proposals in two threads
        end_with_the_manager()
        nni.runtime.msg_dispatcher_base.Queue = _ImpatientQueue
        MsgDispatcherBase.enqueue_command = _enqueue_in_order

    @property
    def search(self) -> Search:
        """The search; it exists once NNI has sent the search space, and what is to be prepared is."""
        if self._search is None:
            raise RuntimeError("NNI asked for an architecture before it sent the search space")
        return self._search

    def update_search_space(self, search_space: Mapping[str, Any]) -> None:
        """Start or continue the search over NNI's search-space JSON (choices, and conditions as ``_when``)."""
        space = SearchSpace.from_json(search_space)
        if self._space is not None:
            if space != self._space:
                logger.error("the search space cannot change during a search; the old one stays")
            return
        self._space = space
        if self._preparation is None:
            self._begin(space)

    def _begin(self, space: SearchSpace) -> None:
        settings = self._settings
        strategy = make_strategy(
            settings["strategy"],
            space,
            seed=settings["seed"],
            direction=settings["direction"],
            options=settings["options"],
        )
        excess = self._excess if self._limits else None
        self._search = Search(strategy, self._archive(space), max_failures=self._max_failures, excess=excess)
        self._search.recover(self._outcome)
        self.import_data(self._imported)

    def _archive(self, space: SearchSpace) -> Journal:
        path = self.directory / JOURNAL
        header = {**self._settings, "space": space.to_json()}
        return Journal.open(path, header) if path.exists() else Journal.create(path, header)

    def _excess(self, architecture: Architecture) -> str | None:
        return self._limits.excess(self._run.space, architecture)

    @cached_property
    def _run(self) -> Run:
        return Run.open(self.directory)

    def generate_multiple_parameters(self, parameter_id_list: list[int], **kwargs: Any) -> list[dict[str, Any]]:
        """The next architectures; or first the preparation, alone: what is asked for meanwhile is sent after it."""
        with self._lock:
            if self._search is None and self._preparation is not None:
                if self._preparation.options is None:
                    return self._preparation.hand_out(parameter_id_list, kwargs["st_callback"])
                self._begin_prepared(self._preparation)
        proposed: list[dict[str, Any]] = super().generate_multiple_parameters(parameter_id_list, **kwargs)
        return proposed

    def _begin_prepared(self, preparation: Preparation) -> None:
        assert self._space is not None
        assert preparation.options is not None
        self._settings["options"] = preparation.options
        self._begin(self._space)
        try:
            allow_concurrency(self._run.settings["concurrency"], self._api)
        except requests.RequestException as error:
            logger.warning("trials run one at a time: %s", error)
        self._serve(preparation.waiting)

    def _serve(self, waiting: list[tuple[int, Send]]) -> None:
        """Answer requests that NNI was told there is nothing for."""
        for parameter_id, send in waiting:
            for parameters in self.generate_multiple_parameters([parameter_id], st_callback=send):
                send(parameter_id, parameters)

    def generate_parameters(self, parameter_id: int, **kwargs: Any) -> dict[str, Any]:
        """The next architecture.

        Raises
        ------
        nni.NoMoreTrialError
            When the space is exhausted.
        """
        try:
            with self._lock:
                trial = self.search.ask()
                self._running[parameter_id] = trial.number
        except SearchSpaceExhausted as exhausted:
            logger.info("%s", exhausted)
            raise nni.NoMoreTrialError(str(exhausted)) from None
        except RepeatedFailure as failure:
            logger.error("the search stops: %s", failure)
            raise nni.NoMoreTrialError(str(failure)) from None
        return trial.architecture

    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, **kwargs: Any) -> None:
        """Record a final result; NaN and infinite ones are failures."""
        with self._lock:
            number = self._pending(parameter_id)
            if number is None:
                logger.warning("result of unknown or finished parameter %s is ignored: %s", parameter_id, value)
                return
            self.search.tell(number, **split_result(value), teachers=teachers_of(self._folder(number)))

    def trial_end(self, parameter_id: int, success: bool, **kwargs: Any) -> None:
        """Record a trial that ended without reporting a result: failed, with its reason, or to be tried again."""
        with self._lock:
            if self._search is None and self._preparation is not None and self._preparation.is_mine(parameter_id):
                self._end_preparation(self._preparation, parameter_id)
            number = self._pending(parameter_id)
            if number is None:
                return
            left = self._outcome(self.search.archive.trials[number])
            self.search.conclude(number, left or {"score": None, "reason": self._reason(parameter_id)})

    def _end_preparation(self, preparation: Preparation, parameter_id: int) -> None:
        """Answer what was asked for meanwhile: by the preparation once more, or by architectures."""
        if preparation.options is None:
            self._serve(preparation.conclude(lambda: self._reason(parameter_id)))
        elif preparation.waiting:
            self._begin_prepared(preparation)

    def _pending(self, parameter_id: int) -> int | None:
        """The number of a trial whose result is not known yet; NNI's own resume may have run it a second time."""
        number = self._running.pop(parameter_id, None)
        known = number is None or self.search.archive.trials[number].status != "pending"
        return None if known else number

    def _reason(self, parameter_id: int) -> str:
        return reason_of(parameter_id, self._api)

    @property
    def _api(self) -> str:
        return api_of(os.environ.get("NNI_TUNER_COMMAND_CHANNEL", ""))

    def _outcome(self, trial: Trial) -> dict[str, Any] | None:
        return outcome_in(self._folder(trial.number))

    def _folder(self, number: int) -> Path:
        architecture = self.search.archive.trials[number].architecture
        return trial_directory(self.directory, self.search.strategy.space.key(architecture))

    def import_data(self, data: list[dict[str, Any]]) -> None:
        """Learn from architectures trained elsewhere; what is in the archive already is skipped."""
        if self._search is None:
            self._imported += data
            return
        for entry in data:
            with self._lock:
                self.search.learn(entry["parameter"], **split_result(entry["value"]))
