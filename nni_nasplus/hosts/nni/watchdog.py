"""What ends a process of an NNI experiment from inside: its manager is gone, or its time or memory is used up."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import psutil

__all__ = ["end_with_the_manager", "keep_within"]

logger = logging.getLogger(__name__)

_POLL_S = 0.5
_EXIT = 1


def end_with_the_manager() -> None:
    """End this process at once and quietly when its manager dies; NNI leaves tuner and trials running."""
    manager = _manager()
    _say_less_without(manager)
    if manager is not None:
        _watch(lambda: None if _alive(manager) else "the NNI manager is gone", lambda reason: None, threading.Event())


@contextlib.contextmanager
def keep_within(seconds: float | None, memory: int | None, on_excess: Callable[[str], None]) -> Iterator[None]:
    """While this is open, end this process when it has run longer, or takes more bytes of memory.

    ``on_excess`` keeps the reason first. What is done by then has not failed, however long the process takes to end.
    """
    if seconds is None and memory is None:
        yield
        return
    process, started = psutil.Process(), time.monotonic()

    def excess() -> str | None:
        if seconds is not None and time.monotonic() - started > seconds:
            return f"timed out after {seconds:g} s"
        used = process.memory_info().rss if memory is not None else 0
        if memory is not None and used > memory:
            return f"out of memory: it used more than the limit of {memory / 2**20:,.0f} MiB"
        return None

    done = threading.Event()
    watchdog = _watch(excess, on_excess, done)
    try:
        yield
    finally:
        done.set()
        watchdog.join()


def _watch(finding: Callable[[], str | None], act: Callable[[str], None], done: threading.Event) -> threading.Thread:
    def loop() -> None:
        while (reason := finding()) is None:
            if done.wait(_POLL_S):
                return
        if not done.is_set():
            act(reason)
            os._exit(_EXIT)

    thread = threading.Thread(target=loop, name="nasplus watchdog", daemon=True)
    thread.start()
    return thread


def _manager() -> psutil.Process | None:
    """The nearest ancestor that is a manager of NNI, on this or a remote machine."""
    for ancestor in psutil.Process().parents():
        with contextlib.suppress(psutil.Error):
            if any("nni_node" in Path(word).parts for word in ancestor.cmdline()):
                return ancestor
    return None


def _say_less_without(manager: psutil.Process | None) -> None:
    """Say in one line, without a traceback, that this process ends because the manager is gone."""
    show = sys.excepthook

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, ConnectionRefusedError) or (manager is not None and not _alive(manager)):
            logger.warning("the NNI manager is gone: %s", error)
        else:
            show(kind, error, trace)

    sys.excepthook = tell


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
