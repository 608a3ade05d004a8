"""Faults of NNI's dispatcher, mended in the process that it runs in."""

from __future__ import annotations

import importlib
import logging
import os
import queue
import sys
from collections.abc import Callable
from typing import Any

import nni.runtime.msg_dispatcher_base
from nni.recoverable import Recoverable
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni.runtime.tuner_command_channel import CommandType
from nni.tools import package_utils

__all__ = ["repair_dispatcher"]

_POLL_S = 0.1
_EXIT = 1
_MINIMISING = {
    "gp": "nni.algorithms.hpo.gp_tuner.util",
    "metis": "nni.algorithms.hpo.metis_tuner.lib_acquisition_function",
}
_enqueue = MsgDispatcherBase.enqueue_command
_work = MsgDispatcherBase.command_queue_worker
_create = package_utils.create_builtin_class_instance
_is_recovered = Recoverable.is_created_in_previous_exp


def repair_dispatcher() -> None:
    """Let the dispatcher end at once, also where its tuner has failed; hear of the end of a trial before it asks for
    the next; take whatever an advisor names its parameters by; and run NNI's tuners on the scipy of today.

    It makes its queues after the tuner, whose constructor is therefore early enough.
    """
    nni.runtime.msg_dispatcher_base.Queue = _ImpatientQueue
    MsgDispatcherBase.enqueue_command = _enqueue_in_order
    MsgDispatcherBase.command_queue_worker = _work_or_end
    Recoverable.is_created_in_previous_exp = _is_recovered_by_number
    package_utils.create_builtin_class_instance = _create_mended


class _ImpatientQueue(queue.Queue[Any]):
    """NNI's dispatcher looks only every three seconds whether it is to end."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        return super().get(block, _POLL_S if timeout else timeout)


def _enqueue_in_order(dispatcher: Any, command: CommandType, data: Any) -> None:
    """NNI leaves ends of trials to the assessor's thread, which may be later than the request for what comes next; an
    advisor has no assessor.
    """
    if command is CommandType.TrialEnd and getattr(dispatcher, "assessor", None) is None:
        dispatcher.default_command_queue.put((command, data))
    else:
        _enqueue(dispatcher, command, data)


def _work_or_end(dispatcher: Any, commands: queue.Queue[Any]) -> None:
    """NNI keeps a dispatcher whose tuner has failed until the next command comes, which may be never."""
    _work(dispatcher, commands)
    if dispatcher.worker_exceptions and not dispatcher.stopping:
        logging.shutdown()
        sys.stderr.flush()
        os._exit(_EXIT)


def _is_recovered_by_number(dispatcher: Any, param_id: Any) -> bool:
    """NNI compares every id with the last one before a resume; those of Hyperband and BOHB are texts, and never are."""
    return isinstance(param_id, int) and _is_recovered(dispatcher, param_id)


def _create_mended(name: str, *arguments: Any) -> Any:
    """An algorithm of NNI's own, whose Gaussian process minimises as scipy did before 1.11."""
    module = _MINIMISING.get(name.lower().removesuffix("tuner"))
    if module is not None:
        importlib.import_module(module).minimize = _minimize_rows  # type: ignore[attr-defined]
    return _create(name, *arguments)


def _minimize_rows(fun: Callable[..., Any], x0: Any, **options: Any) -> Any:
    """Take a row to begin from and a value that is an array, and give such a value."""
    import numpy as np
    from scipy.optimize import minimize

    found = minimize(lambda x, *rest: np.ravel(fun(x, *rest))[0], np.ravel(x0), **options)
    found.fun = np.atleast_1d(found.fun)
    return found
