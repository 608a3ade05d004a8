"""A plain interpreter under the client, for where there is no fork server: slower, else the same."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable

__all__ = ["run"]


def run(arguments: list[str], forward: Callable[[Callable[[int], object]], None]) -> int:
    """Run an interpreter to its end; its exit code, or minus the number of the signal that killed it.

    Parameters
    ----------
    forward
        Is given the function that passes a signal on to the interpreter.
    """
    forward(lambda number: None)  # it is remembered, for a signal that ended this process would leave the interpreter
    process = subprocess.Popen([sys.executable, *arguments], start_new_session=True)
    forward(process.send_signal)
    if not hasattr(os, "fork"):
        return process.wait()
    done = _guard(process.pid)
    status = process.wait()
    os.write(done, b"x")
    return status


def _guard(process: int) -> int:
    """Leave a process that kills the interpreter's group if this one dies; a byte to the descriptor dismisses it."""
    ours, theirs = os.pipe()
    if os.fork():
        os.close(ours)
        return theirs
    os.close(theirs)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if not os.read(ours, 1):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)
    os._exit(0)
