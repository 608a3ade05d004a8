"""Several workers that propose at one moment: no architecture for two of them, no trial for whom nothing is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nni_nasplus.hosts.optuna.sampling.suggestion import ARCHITECTURE, architecture_of
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["Turnstile", "claim", "trials_of"]

_CLAIM = "nasplus:claim"
"""The system attribute of a trial that holds the key of what it would like to train; what it does train it has as
:data:`ARCHITECTURE`."""
_POLL_S = 0.02
_PATIENCE_S = 10.0
"""How long another trial is waited for, which takes two writes to decide: where its process died between them, what it
claimed is left to whoever tries it again."""


def trials_of(study: Study) -> list[FrozenTrial]:
    """All trials of a study by number, as they are now: a storage in memory gives the list that others append to."""
    return list(study._storage.get_all_trials(study._study_id, deepcopy=False))


def claim(
    study: Study, trial: FrozenTrial, architecture: Architecture, space: SearchSpace, epochs: int | None = None
) -> bool:
    """Whether a trial may train an architecture to so many epochs; of all that ask, in any process, exactly one may.

    Storages have no test-and-set, but who writes later sees who wrote before. So a trial writes what it claims, looks
    who else does, and yields to one that has decided to train it, or has a smaller number. One with a larger number
    yields itself, or decided before it could see the claim: it is waited for.
    """
    key = space.key(architecture) + ("" if epochs is None else f" {epochs}")
    study._storage.set_trial_system_attr(trial._trial_id, _CLAIM, key)
    deadline = time.monotonic() + _PATIENCE_S
    while rivals := _rivals(study, trial, key, space):
        if any(_has_decided(one) or one.number < trial.number for one in rivals) or time.monotonic() > deadline:
            study._storage.set_trial_system_attr(trial._trial_id, _CLAIM, None)
            return False
        time.sleep(_POLL_S)
    return True


def _rivals(study: Study, trial: FrozenTrial, key: str, space: SearchSpace) -> list[FrozenTrial]:
    """The other trials that claim an architecture or train it, or have trained it; not those that ended without."""
    return [
        one
        for one in trials_of(study)
        if one.number != trial.number
        and (_has_decided(one) or one.state == TrialState.RUNNING)
        and _claimed(one, space) == key
    ]


def _has_decided(trial: FrozenTrial) -> bool:
    return ARCHITECTURE in trial.system_attrs or _CLAIM not in trial.system_attrs


def _claimed(trial: FrozenTrial, space: SearchSpace) -> str | None:
    """The key of what a trial claims; of one that was enqueued, of what it is to train."""
    if _CLAIM in trial.system_attrs or trial.state.is_finished():
        claimed: str | None = trial.system_attrs.get(_CLAIM)
        return claimed
    architecture = architecture_of(trial, space)
    return None if architecture is None else space.key(architecture)


class Turnstile:
    """Lets no more threads make a trial than there are architectures left for them.

    A trial cannot be taken back once Optuna has made it. A thread enters before, and leaves as it has its architecture.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._inside: set[threading.Thread] = set()

    def enter(self, left: Callable[[], float]) -> None:
        """Wait while as many threads are inside as architectures are left, or the last one is not quite taken.

        Threads that have ended have left.
        """
        me = threading.current_thread()
        with self._turn:
            self._inside.discard(me)
            while self._inside and len(self._inside) >= left():
                self._turn.wait(_POLL_S)
                self._inside = {thread for thread in self._inside if thread.is_alive()}
            if left() > 0:
                self._inside.add(me)

    def leave(self) -> None:
        """Let the next thread enter."""
        with self._turn:
            self._inside.discard(threading.current_thread())
            self._turn.notify_all()
