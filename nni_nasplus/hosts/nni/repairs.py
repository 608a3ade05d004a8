"""Faults of NNI's dispatcher, mended in the process that it runs in."""

from __future__ import annotations

import queue
from typing import Any

import nni.runtime.msg_dispatcher_base
from nni.runtime.msg_dispatcher_base import MsgDispatcherBase
from nni.runtime.tuner_command_channel import CommandType

__all__ = ["repair_dispatcher"]

_POLL_S = 0.1
_enqueue = MsgDispatcherBase.enqueue_command


def repair_dispatcher() -> None:
    """Let the dispatcher end at once, and hear of the end of a trial before it asks for the next.

    It makes its queues after the tuner, whose constructor is therefore early enough.
    """
    nni.runtime.msg_dispatcher_base.Queue = _ImpatientQueue
    MsgDispatcherBase.enqueue_command = _enqueue_in_order


class _ImpatientQueue(queue.Queue[Any]):
    """NNI's dispatcher looks only every three seconds whether it is to end."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        return super().get(block, _POLL_S if timeout else timeout)


def _enqueue_in_order(dispatcher: Any, command: CommandType, data: Any) -> None:
    """NNI leaves ends of trials to the assessor's thread, which may be later than the request for what comes next."""
    if command is CommandType.TrialEnd and dispatcher.assessor is None:
        dispatcher.default_command_queue.put((command, data))
    else:
        _enqueue(dispatcher, command, data)
