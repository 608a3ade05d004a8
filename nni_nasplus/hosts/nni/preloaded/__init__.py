"""Trials that start at once: each is forked from a process that has imported torch, Lightning and NNI already.

:func:`trial_interpreter`, or the command ``nasplus-python``, takes the place of ``python`` in a trial's command. It
runs ``client.py``, which asks an experiment's fork server (``server.py``, started by the manager or by the first trial,
ended with the manager) for a process (``child.py``) with the trial's own arguments, environment, working directory and
output, and stands in for it until it ends. Where that cannot be, the client runs a plain interpreter (``plain.py``).

A trial differs from a plain one in this: all trials of an experiment hash strings alike, and Lightning, which was
imported before NNI, writes its messages to the trial's stderr.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

__all__ = ["main", "preloading", "trial_interpreter"]

_COMMAND = (sys.executable, "-S", "-E", str(Path(__file__).with_name("client.py")))


def trial_interpreter() -> str:
    """What to write for ``python`` in a trial's command, quoted for the shell.

    It understands ``-m MODULE ARGUMENTS`` and ``SCRIPT ARGUMENTS``; any other option starts a plain interpreter, and so
    does ``NASPLUS_PRELOAD=0`` in the environment.
    """
    return shlex.join(_COMMAND)


def preloading(arguments: str) -> str:
    """The command with which a manager starts its fork server ahead of the first trial, whose arguments are given."""
    return f"{trial_interpreter()} --preload {arguments}"


def main() -> None:
    """``nasplus-python``: become :func:`trial_interpreter`."""
    os.execv(_COMMAND[0], [*_COMMAND, *sys.argv[1:]])
