"""A command that is interrupted while it starts says one line and ends with the shell's exit code."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

COMMAND = """
import os, runpy, signal, sys

MOMENTS = [1, 2, 3, 5, 9, 20, 50, 100, 200, 400]


class Interrupting:
    '''Forks at some imports a process that is interrupted there.'''

    def __init__(self):
        self.count = 0

    def find_spec(self, name, path=None, target=None):
        self.count += "nni_nasplus._signals" in sys.modules
        if MOMENTS and self.count == MOMENTS[0]:
            print(MOMENTS.pop(0), *interrupted(signal.SIGTERM if len(MOMENTS) % 2 else signal.SIGINT), flush=True)
        if not MOMENTS:
            os._exit(0)


def interrupted(number):
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        MOMENTS.clear()
        MOMENTS.append(None)
        os.dup2(theirs, 2)
        signal.raise_signal(number)
        return "not", "ended"
    os.close(theirs)
    with os.fdopen(ours) as said:
        lines = said.read().splitlines()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) - number, *lines


sys.meta_path.insert(0, Interrupting())
sys.argv = ["nasplus", "show", "nowhere"]
runpy.run_module("nni_nasplus", run_name="__main__")
"""


def test_an_interrupt_at_any_import_is_one_line():
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, timeout=280, check=False)
    assert done.stderr == ""
    moments = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert [int(moment) for moment, _ in moments] == [1, 2, 3, 5, 9, 20, 50, 100, 200, 400]
    endings = ["terminated", "interrupted"]
    expected = [f"128 nasplus: {endings[place % 2]}; what had finished is kept" for place in range(10)]
    assert [said for _, said in moments] == expected


def test_nothing_that_takes_long_is_imported_before_a_signal_is_heard():
    (script,) = entry_points(group="console_scripts", name="nasplus")
    assert script.value == "nni_nasplus.__main__:main"
    code = "import sys; before = set(sys.modules); import nni_nasplus.__main__; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"typing", "subprocess", "threading", "numpy"} & set(done.stdout.split())


@pytest.mark.parametrize("arguments", [["--help"], ["show", "nowhere"]])
def test_python_m_is_the_command(arguments):
    done = subprocess.run([sys.executable, "-m", "nni_nasplus", *arguments], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if arguments == ["--help"] else 2)
