"""Trainings side by side: they end as one after the other would, whatever becomes of a process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import psutil
import pytest
from finished_runs import searched
from processes import command_of

from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Outcome
from nni_nasplus.tail.bagging import bagged
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Training, trial_contender
from nni_nasplus.tail.workers import LOG, Workers
from nni_nasplus.training.trial_folder import CURVE, outcome_in, write_outcome


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("workers") / "run", trials=2, folds=0)


@pytest.fixture
def copy(run, tmp_path):
    """The run elsewhere, to train in."""
    shutil.copytree(run.directory, tmp_path / "copy", ignore=shutil.ignore_patterns("folds"))
    return Run.open(tmp_path / "copy")


def processes():
    """Those that train beside this one."""
    return [one for one in psutil.Process().children() if any("loky.backend.popen" in word for word in command_of(one))]


def bag(run, workers):
    """By folder below the run's, the score of each network of both trials on two folds, in the order of the members."""
    candidates = [trial_contender(run, trial) for trial in run.history().best]
    members = bagged(run, candidates, 2, Budget(600.0), workers)
    return {str(one.folder.relative_to(run.directory)): one.score for member in members for one in member.networks}


def test_one_at_a_time_is_trained_here_and_what_has_ended_is_not_trained_again(run):
    noted = []
    with Workers(run, note=noted.append) as workers:
        first = bag(run, workers)
        assert [line.partition(" without ")[2] for line in noted] == ["fold 1 of 2", "fold 2 of 2"] * 2
        assert bag(run, workers) == first
        assert len(noted) == 4
        assert processes() == []


def test_what_was_killed_is_trained_another_time(copy):
    (one,) = repeats(copy, 1)
    write_outcome(one.folder, Outcome(failure="interrupted", reason="TerminatedWorkerError: killed"))
    with Workers(copy) as workers:
        turns = iter([one, one])
        first, again = workers.each(lambda: next(turns, None))
    assert first[1].score == again[1].score
    assert one.has_ended


@pytest.mark.system
def test_side_by_side_they_end_as_one_after_the_other(run, copy):
    with Workers(run) as alone:
        expected = bag(run, alone)
    with Workers(copy, 2) as workers:
        assert bag(copy, workers) == expected
        assert len(processes()) == 2
        assert bag(copy, workers) == expected
    assert processes() == []


@pytest.fixture
def endless(copy):
    """A run whose trainings take minutes."""
    path = copy.directory / "run.json"
    content = json.loads(path.read_text())
    content["evaluator"]["init_args"] |= {"epochs": 10_000, "patience": 10_000}
    path.write_text(json.dumps(content))
    return Run.open(copy.directory)


def repeats(run, seeds):
    """A training of the best trial with each seed."""
    best, folder = trial_contender(run, run.history().best[0]), run.directory / "repeats"
    return [Training(f"seed {i}", best.space, best.architecture, folder / str(i), i) for i in range(1, seeds + 1)]


def await_epochs(run, seeds):
    """Wait until all of them have trained for an epoch."""
    deadline = time.monotonic() + 120
    while not all((training.folder / CURVE).is_file() for training in repeats(run, seeds)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.system
def test_what_is_killed_has_failed_and_the_others_are_trained(endless):
    def kill():
        for seeds, number in ((2, signal.SIGKILL), (3, signal.SIGSEGV)):
            await_epochs(endless, seeds)
            for process in processes():
                process.send_signal(number)

    turns = iter(repeats(endless, 3))
    Thread(target=kill, daemon=True).start()
    with Workers(endless, 2) as workers:
        ended = {training.name: contender for training, contender in workers.each(lambda: next(turns, None))}
    assert ended == {"seed 1": None, "seed 2": None, "seed 3": None}
    assert {outcome_in(one.folder).reason.partition(":")[0] for one in repeats(endless, 3)} == {"TerminatedWorkerError"}
    assert "Fatal Python error: Segmentation fault" in (endless.directory / LOG).read_text()
    assert not any(one.has_ended for one in repeats(endless, 3))


UNGUARDED = """
import sys
from test_workers import Run, Workers, repeats
from nni_nasplus._signals import stoppable
run = Run.open(sys.argv[1])
turns = iter(repeats(run, 2))
try:
    with stoppable(), Workers(run, 2) as workers:
        list(workers.each(lambda: next(turns, None)))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.system
@pytest.mark.parametrize(
    ("stop", "number", "said"), [(os.killpg, "SIGINT", "interrupted\n"), (os.kill, "SIGKILL", None)]
)
def test_the_processes_of_a_script_without_a_guard_end_with_it(endless, tmp_path, stop, number, said):
    (tmp_path / "script.py").write_text(UNGUARDED)
    command = [sys.executable, tmp_path / "script.py", endless.directory]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    pipes["env"] = {**os.environ, "PYTHONPATH": os.pathsep.join([os.fspath(Path(__file__).parent), *sys.path])}
    with subprocess.Popen(command, **pipes) as script:
        await_epochs(endless, 2)
        children = psutil.Process(script.pid).children(recursive=True)
        stop(script.pid, getattr(signal, number))
        assert psutil.wait_procs(children, timeout=20)[1] == []
        assert said in (script.stdout.read(), None)
