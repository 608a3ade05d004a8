"""A strategy kept in step with the trials of a study, whoever ran them."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.hosts.optuna.suggestion import architecture_of
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import Strategy

__all__ = ["History"]

_RANK = {TrialState.COMPLETE: 0, TrialState.RUNNING: 1, TrialState.WAITING: 1, TrialState.PRUNED: 2, TrialState.FAIL: 3}


@dataclass
class _Entry:
    """One architecture, with every trial of it: one that was retried has several."""

    architecture: Architecture
    trials: dict[int, FrozenTrial] = field(default_factory=dict)

    @property
    def deciding(self) -> FrozenTrial:
        """A finished trial before one that runs, that before one that was pruned, a failed one last."""
        return min(self.trials.values(), key=lambda trial: (_RANK[trial.state], trial.number))


class History:
    """The trials of a study as the asks and tells of a strategy.

    A new trial is an ask and a finished one a tell; a pruned one counts with its last intermediate value. Where a
    failed architecture turns out to be tried again, the strategy is built anew.

    Parameters
    ----------
    strategy
        New; it is kept in :attr:`strategy`.
    """

    def __init__(self, strategy: Strategy) -> None:
        self._new = copy.deepcopy(strategy)
        self.strategy = strategy
        self._entries: dict[str, _Entry] = {}
        self._told: dict[str, float | None] = {}
        self._open: set[int] = set()
        self._known = 0

    def follow(self, trials: Sequence[FrozenTrial], but: int) -> None:
        """Take over what is new in the trials of a study, which come by number, but for one that is being proposed."""
        numbers = (self._open | set(range(self._known, len(trials)))) - {but}
        fresh = [trials[number] for number in sorted(numbers)]
        self._open.add(but)
        self._known = len(trials)
        touched = [key for trial in fresh if (key := self._place(trial)) is not None]
        if any(key in self._told and not self._stands(key) for key in touched):
            self._begin_anew()
        else:
            self._tell(touched)

    def _place(self, trial: FrozenTrial) -> str | None:
        """Put a trial into its entry; the entry's key, or None where its architecture is not known yet."""
        architecture = architecture_of(trial, self.strategy.space)
        self._open.add(trial.number)
        if trial.state.is_finished():
            self._open.remove(trial.number)
        if architecture is None:
            return None
        key = self.strategy.space.key(architecture)
        if key not in self._entries:
            self._entries[key] = _Entry(architecture)
            if self.strategy.is_new(architecture):
                self.strategy.adopt(architecture)
        self._entries[key].trials[trial.number] = trial
        return key

    def _stands(self, key: str) -> bool:
        """Whether what the strategy was told of an architecture is still so."""
        deciding = self._entries[key].deciding
        return deciding.state.is_finished() and _score(deciding) == self._told[key]

    def _tell(self, keys: Sequence[str]) -> None:
        """Tell what has finished, in the order in which it did."""
        ready = {key: self._entries[key].deciding for key in keys if key not in self._told}
        ended = [(trial.datetime_complete or datetime.min, trial.number, key) for key, trial in ready.items()]
        for _, _, key in sorted(entry for entry in ended if ready[entry[2]].state.is_finished()):
            score, cost = _score(ready[key]), ready[key].user_attrs.get("seconds")
            self.strategy.tell(self._entries[key].architecture, score, cost=cost)
            self._told[key] = score

    def _begin_anew(self) -> None:
        self.strategy = copy.deepcopy(self._new)
        self._told = {}
        for entry in self._entries.values():
            self.strategy.adopt(entry.architecture)
        self._tell(list(self._entries))


def _score(trial: FrozenTrial) -> float | None:
    """What a finished trial reached; None for a failure."""
    value = trial.value if trial.state == TrialState.COMPLETE else None
    if trial.state == TrialState.PRUNED and trial.intermediate_values:
        value = trial.intermediate_values[max(trial.intermediate_values)]
    return value if value is not None and math.isfinite(value) else None
