"""Trainings side by side: they end as one after the other would, whatever becomes of a process."""

from __future__ import annotations

import json
import shutil
import signal
import time
from threading import Thread

import psutil
import pytest
from finished_runs import searched

from nni_nasplus import UserError
from nni_nasplus.run.run import Run
from nni_nasplus.tail.bagging import bagged
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Training, trial_contender
from nni_nasplus.tail.workers import LOG, Workers


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("workers") / "run", trials=2, folds=0)


@pytest.fixture
def copy(run, tmp_path):
    """The run elsewhere, to train in."""
    shutil.copytree(run.directory, tmp_path / "copy", ignore=shutil.ignore_patterns("folds"))
    return Run.open(tmp_path / "copy")


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
        assert workers._server is None


@pytest.mark.system
def test_side_by_side_they_end_as_one_after_the_other(run, copy):
    with Workers(run) as alone:
        expected = bag(run, alone)
    with Workers(copy, 2) as workers:
        assert bag(copy, workers) == expected
        server = workers._server
    assert server.returncode == -signal.SIGKILL
    with Workers(copy, 2) as workers:
        assert bag(copy, workers) == expected
        assert workers._server is None


@pytest.fixture
def endless(copy):
    """Two trainings that take minutes, of a run that has them so."""
    path = copy.directory / "run.json"
    content = json.loads(path.read_text())
    content["evaluator"]["init_args"] |= {"epochs": 10_000, "patience": 10_000}
    path.write_text(json.dumps(content))
    run = Run.open(copy.directory)
    trials = [trial_contender(run, trial) for trial in run.history().best]
    folder = run.directory / "repeats"
    return run, [Training(one.name, one.space, one.architecture, folder / one.folder.name, 1) for one in trials]


def kill(workers, which):
    """Kill processes, once all that train are there."""

    def killing():
        while workers._server is None or len(psutil.Process(workers._server.pid).children()) < 2:
            time.sleep(0.1)
        server = psutil.Process(workers._server.pid)
        for process in which(server):
            process.kill()

    Thread(target=killing, daemon=True).start()


@pytest.mark.system
def test_what_is_killed_is_no_contender(endless):
    run, trainings = endless
    turns = iter(trainings)
    with Workers(run, 2) as workers:
        kill(workers, lambda server: server.children())
        ended = list(workers.each(lambda: next(turns, None)))
    assert {training.name: contender for training, contender in ended} == {"trial 0": None, "trial 1": None}


@pytest.mark.system
def test_where_all_are_gone_it_is_told_how_to_go_on_and_none_is_left_behind(endless):
    run, trainings = endless
    turns = iter(trainings)
    words = rf"processes of the tail are gone, for which .*{LOG} .*: nasplus resume "
    with Workers(run, 2) as workers, pytest.raises(UserError, match=words):
        kill(workers, lambda server: [server])
        list(workers.each(lambda: next(turns, None)))
    assert [one for one in psutil.process_iter(["cmdline"]) if str(run.directory) in (one.info["cmdline"] or [])] == []
