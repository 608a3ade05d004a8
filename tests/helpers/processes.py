"""Python processes that start at once: forked from one that has imported torch, Lightning, NNI and Optuna already.

Each process of tests has one such parent, started when first asked for (``process_parent.py``). What it forks is made
a child of the tests' process, so that it is waited for, killed and looked at as any other that they start. A fact
about a fresh interpreter (what is imported, how it ends at import, how strings hash) needs :mod:`subprocess`.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

__all__ = ["PythonProcess", "command_of", "run_python"]

_PARENT = Path(__file__).with_name("process_parent.py")
_ENVIRONMENT = dict(os.environ)
_PR_SET_CHILD_SUBREAPER = 36


class PythonProcess(subprocess.Popen):
    """A process of ``python ARGUMENTS``, which may be a script, ``-m MODULE`` or ``-c CODE``.

    It leads a process group of its own, and torch has one thread in it.
    """

    def __init__(self, arguments: list[Any], **options: Any) -> None:
        super().__init__([sys.executable, *map(str, arguments)], **options)

    def _execute_child(self, args: list[str], *options: Any) -> None:
        """What the base class starts a process with; all but arguments, directory, environment and pipes are left."""
        directory, environment, pipes = options[4], options[5], options[9:15]
        request = {
            "arguments": args[1:],
            "directory": str(directory or Path.cwd()),
            "environment": dict(os.environ if environment is None else environment),
        }
        streams = [pipe if pipe >= 0 else number for number, pipe in enumerate((pipes[0], pipes[3], pipes[5]))]
        self.pid = _fork(request, streams)
        self._child_created = True
        self._close_pipe_fds(*pipes)


def run_python(arguments: list[Any], *, check: bool = False, timeout: float = 280, **options: Any):
    """Run ``python ARGUMENTS`` to its end; its exit code and the texts that it wrote.

    Raises
    ------
    subprocess.CalledProcessError
        If ``check`` is set and the exit code is not 0.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with PythonProcess(arguments, **pipes, **options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def command_of(process: psutil.Process) -> list[str]:
    """The words of the command of a process; none of one that has ended, waited for or not."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _fork(request: dict[str, Any], streams: list[int]) -> int:
    """Ask the parent for a process; it becomes a child of this one, which is its next reaper for the moment."""
    parent, reaper = _parent(), ctypes.CDLL(None).prctl
    reaper(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        socket.send_fds(parent, [json.dumps(request).encode()], streams)
        return int(parent.recv(64))
    finally:
        reaper(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@functools.cache
def _parent() -> socket.socket:
    """The connection to the parent, whose end it is that ends the parent."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen([sys.executable, _PARENT], stdin=theirs, env=_ENVIRONMENT)
    return ours
