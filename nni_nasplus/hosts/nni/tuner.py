"""Any strategy as an NNI tuner, for ``nnictl`` and ``nni.experiment.Experiment``.

This module runs in NNI's dispatcher, which must be ready within ten seconds: it imports no torch.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nni
import requests
from nni.tuner import Tuner

from nni_nasplus._localhost import reach_localhost_directly
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.nni.dispatcher.repairs import repair_dispatcher
from nni_nasplus.hosts.nni.folders import nni_run_directory
from nni_nasplus.hosts.nni.post_mortem import api_of, post_mortem
from nni_nasplus.hosts.nni.presearch import FirstTrial, Send, allow_concurrency
from nni_nasplus.hosts.nni.results import outcome_of, parameters_of, parted
from nni_nasplus.hosts.nni.watchdog import end_with_the_manager
from nni_nasplus.run.checkpoints import bound_checkpoints
from nni_nasplus.run.run import SETTINGS, Run
from nni_nasplus.search.history import Direction, SearchSpaceExhausted
from nni_nasplus.search.journal import JOURNAL, Journal
from nni_nasplus.search.search import RepeatedFailure, Search
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.search.trial import Outcome, Trial
from nni_nasplus.training.trial_folder import outcome_in, trial_directory

__all__ = ["NasTuner"]

logger = logging.getLogger(__name__)


class NasTuner(Tuner):
    """Proposes the architectures of a strategy; every step is in the journal first.

    Parameters
    ----------
    directory
        Where the journal is kept, and an earlier one continued; by default ``nasplus/`` in the experiment's folder. If
        it is a run directory, its ``run.json`` says how to search, and nothing else is to be given but ``presearch``.
    presearch
        Whether the experiment begins with one trial at a time, for its first is the presearch of the run's strategy.
    **settings
        Of a search without a run directory: see :func:`plain_search`.

    Raises
    ------
    UserError
        If there is no such setting, or there are two places that say how to search.
    """

    def __init__(self, directory: str | None = None, presearch: bool = False, **settings: Any) -> None:
        self.directory = Path(directory) if directory else nni_run_directory(Path(os.environ["NNI_LOG_DIRECTORY"]))
        self._run = Run.open(self.directory) if (self.directory / SETTINGS).is_file() else None
        if self._run is not None and settings:
            raise UserError(f"{self.directory} says itself how to search; leave out {', '.join(settings)}")
        self._settings = settings
        self._first = FirstTrial(Run.open(self.directory)) if presearch else None
        self._space: SearchSpace | None = None
        self._search: Search | None = None
        self._imported: list[dict[str, Any]] = []
        self._running: dict[int, int] = {}
        self._waiting: list[tuple[int, Send]] = []
        self._lock = threading.RLock()  # NNI tells ends and asks for proposals in two threads
        reach_localhost_directly()
        end_with_the_manager()
        repair_dispatcher()

    @property
    def search(self) -> Search:
        """The search; it exists once NNI has sent the search space, and the presearch is done."""
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
        if self._first is None:
            self._begin(space)

    def _begin(self, space: SearchSpace) -> None:
        if self._run is not None:
            self._search = self._run.open_search(space)
        else:
            self._search = plain_search(self.directory, space, **self._settings)
        self._search.recover(self._outcome)
        self.import_data(self._imported)

    def generate_multiple_parameters(self, parameter_id_list: list[int], **kwargs: Any) -> list[dict[str, Any]]:
        """The next architectures; or first the presearch, alone: what is asked for meanwhile is sent after it."""
        with self._lock:
            if self._search is None and self._first is not None:
                if not self._first.is_done:
                    return self._first.hand_out(parameter_id_list, kwargs["st_callback"])
                self._begin_after(self._first)
            proposed: list[dict[str, Any]] = super().generate_multiple_parameters(parameter_id_list, **kwargs)
            self._let_wait(parameter_id_list[len(proposed) :], kwargs.get("st_callback"))
            return proposed

    def _let_wait(self, parameter_ids: list[int], send: Send | None) -> None:
        """Keep requests that there is nothing for until a trial has ended that a budget may let go on, or others."""
        if send is not None and self.search.budget is not None and self.search.history.pending:
            self._waiting += [(parameter_id, send) for parameter_id in parameter_ids]

    def _begin_after(self, first: FirstTrial) -> None:
        assert self._space is not None
        assert self._run is not None
        self._begin(self._space)
        try:
            allow_concurrency(self._run.settings.concurrency, self._api)
        except requests.RequestException as error:
            logger.warning("trials run one at a time: %s", error)
        self._serve(first.waiting)

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
        return parameters_of(trial)

    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, **kwargs: Any) -> None:
        """Record a final result; NaN and infinite ones are failures."""
        with self._lock:
            trial = self._pending(parameter_id)
            if trial is None:
                logger.warning("result of unknown or finished parameter %s is ignored: %s", parameter_id, value)
                return
            self._tell(trial, self._outcome(trial) or outcome_of(value))

    def trial_end(self, parameter_id: int, success: bool, **kwargs: Any) -> None:
        """Record a trial that ended without reporting a result: failed, with its reason, or to be tried again."""
        with self._lock:
            if self._search is None and self._first is not None and self._first.is_mine(parameter_id):
                self._end_presearch(self._first, parameter_id)
            trial = self._pending(parameter_id)
            if trial is not None:
                self._tell(trial, self._outcome(trial) or self._post_mortem(parameter_id))

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        """Take how a trial ended, and answer the requests that waited for it.

        Raises
        ------
        UserError
            If the trial has left word that the disk is full, where no other would fare better.
        """
        if outcome.failure == "interrupted" and outcome == self._outcome(trial):
            raise UserError(outcome.reason or "a trial was interrupted")
        self.search.tell(trial, outcome)
        if self._run is not None:
            bound_checkpoints(self._run, self.search.history)
        waiting, self._waiting = self._waiting, []
        self._serve(waiting)

    def _end_presearch(self, first: FirstTrial, parameter_id: int) -> None:
        """Answer what was asked for meanwhile: by the presearch once more, or by architectures."""
        if not first.is_done:
            self._serve(first.conclude(lambda: self._post_mortem(parameter_id)))
        elif first.waiting:
            self._begin_after(first)

    def _pending(self, parameter_id: int) -> Trial | None:
        """The trial of a parameter whose result is not known yet; NNI's own resume may have run it a second time."""
        number = self._running.pop(parameter_id, None)
        trial = None if number is None else self.search.history.trials[number]
        return trial if trial is not None and trial.status == "pending" else None

    def _post_mortem(self, parameter_id: int) -> Outcome:
        return post_mortem(parameter_id, self._api)

    @property
    def _api(self) -> str:
        return api_of(os.environ.get("NNI_TUNER_COMMAND_CHANNEL", ""))

    def _outcome(self, trial: Trial) -> Outcome | None:
        """What the trial left in its folder, which says more than NNI was sent."""
        return outcome_in(trial_directory(self.directory, self.search.space.key(trial.architecture)), trial.epochs)

    def import_data(self, data: list[dict[str, Any]]) -> None:
        """Learn from architectures trained elsewhere; what is in the journal already is skipped."""
        if self._search is None:
            self._imported += data
            return
        for entry in data:
            architecture, epochs = parted(entry["parameter"])
            with self._lock:
                self.search.learn(architecture, replace(outcome_of(entry["value"]), epochs=epochs))


def plain_search(
    directory: Path,
    space: SearchSpace,
    *,
    strategy: str = "evolution",
    optimize_mode: Direction = "maximize",
    seed: int = 0,
    max_failures: int | None = None,
    **options: Any,
) -> Search:
    """A search that a tuner's arguments describe, without a run directory.

    Parameters
    ----------
    strategy
        The name of an installed strategy.
    optimize_mode
        ``maximize`` or ``minimize`` the trials' default metric.
    seed
        Equal seeds and equal results give equal proposals.
    max_failures
        After so many failures in a row for one reason, nothing more is proposed.
    **options
        The strategy's own arguments.

    Raises
    ------
    UserError
        If there is no such strategy or option, or the directory's journal is of another search.
    """
    made = make_strategy(strategy, options)
    header = {"strategy": strategy, "strategy_options": options, "seed": seed}
    journal = Journal.at(directory / JOURNAL, space, direction=optimize_mode, **header)
    return Search(space, made, seed=seed, direction=optimize_mode, journal=journal, max_failures=max_failures)
