"""Processes that are interrupted, at any moment of their lives, end silently and as they should."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from nni_nasplus import _signals
from nni_nasplus._signals import exit_code, goes_on_by, heeded, held, last_line, stoppable

FORKING = """
import atexit, contextlib, os, random, signal, sys, threading, time
sys.path.append(sys.argv[1])  # without the package, which imports what takes long to finalise
from _signals import STOPS, held, stoppable


def busy(seconds):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


class Finalised:
    def __del__(self):
        busy(0.001)


def life():
    atexit.register(busy, 0.004)
    threading.Thread(target=busy, args=(0.004,)).start()
    with contextlib.suppress(KeyboardInterrupt), stoppable():
        LIVING
    kept = Finalised()
    kept.itself = kept


def end_of(child, moments, numbers):
    for moment, number in zip(moments, numbers):
        time.sleep(moment)
        os.kill(child, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


rng, codes = random.Random(0), []
signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
for _ in range(TIMES):
    child = os.fork()
    if not child:
        life()
        sys.exit()
    moments = [rng.uniform(*MOMENTS), rng.choice([0, rng.uniform(0, 0.004)])]
    codes.append(end_of(child, moments, rng.choice([STOPS, STOPS[::-1], STOPS[:1], STOPS[1:]])))
print(*sorted(set(codes)))
"""


def of_many(living: str, times: int, moments: tuple[float, float]) -> tuple[str, str]:
    """The exit codes of processes that live so and are interrupted between two moments, in s; and what they print."""
    code = FORKING.replace("LIVING", textwrap.indent(textwrap.dedent(living), " " * 8).strip())
    code = code.replace("TIMES", str(times)).replace("MOMENTS", str(moments))
    command = [sys.executable, "-c", code, Path(_signals.__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=True)
    return done.stdout, done.stderr


def test_processes_interrupted_about_their_end_end_well_and_silently():
    assert of_many("busy(0.004)", 150, (0.0, 0.04)) == ("0\n", "")


@pytest.mark.parametrize("times", [10, pytest.param(50, marks=pytest.mark.system)])
def test_an_interrupt_that_an_object_swallows_comes_again(times):
    living = """
    until = time.monotonic() + 60
    while time.monotonic() < until:
        Finalised()
    raise SystemExit(1)
    """
    assert of_many(living, times, (0.005, 0.01)) == ("0\n", "")


def test_what_is_held_is_not_torn():
    living = """
    with held():
        try:
            busy(0.01)
        except KeyboardInterrupt:
            os._exit(3)
    busy(60)
    """
    assert of_many(living, 50, (0.002, 0.01)) == ("0\n", "")


def test_a_process_that_only_imports_dies_by_the_signal():
    ready = "from nni_nasplus._signals import end_at_once; end_at_once(); print('up', flush=True); import time"
    for number in (signal.SIGINT, signal.SIGTERM):
        command = [sys.executable, "-c", f"{ready}; time.sleep(60)"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert (process.communicate(timeout=20)[1], process.returncode) == ("", -number)


def test_a_process_is_deaf_until_it_is_up():
    code = """
        import signal, sys
        from nni_nasplus._signals import start
        code = "import time; time.sleep(0.3); from nni_nasplus._signals import end_at_once; end_at_once(); print(1)"
        process = start([sys.executable, "-c", code])
        process.send_signal(signal.SIGINT)
        assert process.wait() == -signal.SIGINT
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_first_signal_counts_and_the_handlers_come_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(KeyboardInterrupt), stoppable(last=False):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
    assert exit_code() == 128 + signal.SIGTERM
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_what_can_be_left_off_is_not_begun_after_a_signal():
    begun = []
    with pytest.raises(KeyboardInterrupt), stoppable(last=False), held():
        signal.raise_signal(signal.SIGINT)
        begun.append("held")
        with heeded():
            begun.append("heeded")
    assert begun == ["held"]


def test_what_lightning_makes_of_an_interrupt_is_one_again():
    with pytest.raises(KeyboardInterrupt), stoppable(last=False):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            sys.exit(1)
    with pytest.raises(SystemExit), stoppable(last=False):
        sys.exit(1)


def test_an_error_that_an_interrupt_has_led_to_is_one_again():
    def closed(first):
        try:
            if first:
                signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            try:
                raise OSError("Writer is closed")
            finally:
                raise ValueError("half closed")
        raise OSError("of its own")

    with pytest.raises(KeyboardInterrupt), stoppable(last=False), heeded():
        closed(True)
    with pytest.raises(OSError, match="of its own"), stoppable(last=False), heeded():
        closed(False)


COMMAND = """
import atexit, sys, time, types
from nni_nasplus import cli

command = types.ModuleType("nni_nasplus.cli.commands.show")
command.run = lambda arguments: (print("up", flush=True), time.sleep(60))
sys.modules[command.__name__] = command
atexit.register(lambda: (print("ending", flush=True), time.sleep(0.5)))
sys.argv = ["nasplus", "show"]
cli.main()
"""


@pytest.mark.parametrize(
    ("number", "code", "how"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_command_says_one_line_however_often_it_is_interrupted(number, code, how):
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in ("up\n", "ending\n"):
        assert process.stdout.readline() == line
        process.send_signal(number)
        process.send_signal(number)
    _, said = process.communicate(timeout=280)
    assert (said, process.returncode) == (f"nasplus: {how}; what had finished is kept\n", code)


def test_who_interrupts_a_search_is_told_how_to_go_on():
    with pytest.raises(KeyboardInterrupt), goes_on_by("nasplus resume 'a run'"):
        raise KeyboardInterrupt
    assert last_line(130) == "nasplus: interrupted; what had finished is kept, go on with: nasplus resume 'a run'\n"
    with goes_on_by("nasplus resume b"):
        pass
    assert last_line(143) == "nasplus: terminated; what had finished is kept\n"
