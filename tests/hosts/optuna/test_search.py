"""A search as an Optuna study by several workers, some of them killed."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time

import psutil
import pytest
from digits_search import create, going_on
from optuna_workers import complete, require_whole, workers

from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL

pytest.importorskip("optuna")

from optuna.trial import TrialState

from nni_nasplus.hosts.optuna import worker
from nni_nasplus.hosts.optuna.mirror import Mirror
from nni_nasplus.hosts.optuna.study import fill_queue, open_study

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.mark.system
def test_two_workers_train_as_many_trials_as_asked(tmp_path):
    run = create(tmp_path / "run", 7, concurrency=2, host="optuna")
    assert "study run in sqlite:///" in complete(run)
    assert len(require_whole(run, 7)) == 7
    run.with_settings(trials=9, concurrency=1)
    complete(Run.open(run.directory))
    assert len(require_whole(run, 9)) == 9


def test_one_worker_proposes_what_the_nni_host_would(tmp_path):
    run = create(tmp_path / "run", 6, host="optuna", seconds=0.0)
    study = open_study(run)
    fill_queue(study, 6)
    worker.work(run)
    with contextlib.closing(run.open_search().journal) as journal:
        Mirror(study, journal).copy()
    search = run.new_search(run.space.search_space)
    for trial in run.history().trials:
        proposed = search.ask()
        assert (proposed.architecture, proposed.origin) == (trial.architecture, trial.origin)
        search.tell(proposed, trial.score)


@pytest.mark.system
def test_failures_in_a_row_end_the_search_with_their_reason(tmp_path):
    run = create(tmp_path / "run", 9, host="optuna", bad="0123456789", mode="raise ValueError('no such layer')")
    process = going_on(run)
    out, _ = process.communicate(timeout=280)
    assert process.returncode == 2
    assert "3 trials in a row failed: ValueError: no such layer" in " ".join(out.split())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_search_that_was_ended_goes_on(tmp_path, number):
    run = create(tmp_path / "run", 12, concurrency=2, host="optuna", seconds=1)
    main = going_on(run)
    journal = run.directory / JOURNAL
    while not journal.exists() or len(journal.read_text().splitlines()) < 8:
        assert main.poll() is None
        time.sleep(0.1)
    for process in [*workers(main), psutil.Process(main.pid)]:
        process.send_signal(number)
    out, _ = main.communicate()
    assert "Traceback" not in out
    complete(run)
    require_whole(run, 12)


@pytest.mark.system
def test_workers_end_with_a_search_that_was_killed_and_their_trials_are_tried_again(tmp_path):
    run = create(tmp_path / "run", 4, concurrency=2, host="optuna", seconds=2)
    main = going_on(run)
    while not open_study(run).get_trials(states=(TrialState.RUNNING,)):
        assert main.poll() is None
        time.sleep(0.1)
    orphans = workers(main)
    main.kill()
    _, alive = psutil.wait_procs(orphans, timeout=20)
    assert (len(orphans), alive) == (2, [])
    assert not open_study(run).get_trials(states=(TrialState.RUNNING,))
    main.communicate()
    complete(run)
    require_whole(run, 4)


def test_a_proposal_that_is_interrupted_is_made_again(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 3, host="optuna")
    study = open_study(run)
    fill_queue(study, 3)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(worker, "suggest", interrupted)
        worker.work(run)
    worker.work(run)
    states = [trial.state for trial in study.get_trials()]
    assert sorted(states) == [TrialState.COMPLETE] * 3 + [TrialState.FAIL]


def test_a_trial_may_be_interrupted_as_often_as_anybody_likes(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 1, host="optuna", seconds=0.0)
    study = open_study(run)
    fill_queue(study, 1)
    for _ in range(5):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(type(run.evaluator), "evaluate", interrupted)
            worker.work(run)
    worker.work(run)
    states = [trial.state for trial in study.get_trials()]
    assert states == [TrialState.FAIL] * 5 + [TrialState.COMPLETE]
    assert len({str(trial.params) for trial in study.get_trials()}) == 1


def test_a_full_disk_ends_the_worker_and_is_no_failure_of_the_trial(tmp_path, monkeypatch, capsys):
    run = create(tmp_path / "run", 1, host="optuna", seconds=0.0)
    study = open_study(run)
    fill_queue(study, 1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(type(run.evaluator), "evaluate", without_room)
        worker.work(run)
    assert f"nasplus: no space left on the disk of {run.directory}; " in capsys.readouterr().err
    worker.work(run)
    assert [trial.state for trial in study.get_trials()] == [TrialState.FAIL, TrialState.COMPLETE]


def without_room(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupted(*arguments):
    raise KeyboardInterrupt
