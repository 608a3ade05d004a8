"""The study of a run: its queue, its limits, its heartbeat, and which are refused."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from digits_search import create
from nni_server import free_port
from optuna_workers import worth

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.networks.limits import Limits
from nni_nasplus.strategies import RandomSearch

optuna = pytest.importorskip("optuna")

from nni_nasplus.hosts.optuna import NasSampler, suggest, worker  # noqa: E402
from nni_nasplus.hosts.optuna.search import OptunaSearch  # noqa: E402
from nni_nasplus.hosts.optuna.study import fill_queue, most_trials, open_storage, open_study, unfinished  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_a_trial_that_waits_in_sqlite_is_taken_by_one_worker_alone(tmp_path):
    run = create(tmp_path / "run", 60, concurrency=3, host="optuna")
    fill_queue(open_study(run), 60)
    together = threading.Barrier(3)

    def take(number: int) -> list[int]:
        study, mine = open_study(run), []
        for _ in range(20):
            together.wait()
            mine.append(study._pop_waiting_trial_id())
        return mine

    with ThreadPoolExecutor(3) as workers:
        taken = [trial for trials in workers.map(take, range(3)) for trial in trials]
    assert sorted(taken) == list(range(1, 61))


@pytest.mark.parametrize(("asked", "seconds"), [("", 60), ("?timeout=3", 3)])
def test_sqlite_waits_for_other_workers_as_long_as_a_busy_disk_takes(tmp_path, asked, seconds):
    storage = open_storage(f"sqlite:///{tmp_path}/study.db{asked}")
    with storage.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 1000 * seconds


def test_a_storage_that_cannot_be_reached_is_named(tmp_path):
    with pytest.raises(UserError, match=r"the storage postgresql.* cannot be reached"):
        open_storage(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    with pytest.raises(UserError, match=r"the storage sqlite:////none/study.db cannot be reached"):
        open_storage("sqlite:////none/study.db")


def test_a_study_of_another_space_is_refused(tmp_path):
    run = create(tmp_path / "run", 3, host="optuna")
    study = optuna.create_study(
        study_name="run", storage=f"sqlite:///{run.directory / 'study.db'}", direction="maximize"
    )
    space = SearchSpace({"tens": list(range(5)), "ones": list(range(10))})
    study.sampler = NasSampler(RandomSearch(), space)
    study.optimize(lambda trial: worth(suggest(trial, space)), n_trials=1)
    with (
        pytest.raises(UserError, match=r"another space: decision 'tens' is \[0, 1, 2, 3, 4\] there"),
        OptunaSearch(run),
    ):
        pass


def test_a_study_of_another_direction_is_refused(tmp_path):
    run = create(tmp_path / "run", 3, host="optuna")
    url = f"sqlite:///{run.directory / 'study.db'}"
    optuna.create_study(study_name="run", storage=url, direction="minimize")
    with pytest.raises(UserError, match="study run is to minimize, the search to maximize"), OptunaSearch(run):
        pass


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_limits_of_size_are_kept_before_training(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 5, host="optuna").with_settings(max_parameters=10.0)
    monkeypatch.setattr(Limits, "excess", lambda self, space, a, *_: "too large" if a["tens"] > 2 else None)
    study = open_study(run)
    for _ in range(9):
        study.enqueue_trial({})
        assert suggest(study.ask(), run.space.search_space)["tens"] <= 2


def test_a_worker_that_dies_while_it_proposes_leaves_a_heartbeat(tmp_path):
    """Without one, Optuna would take its trial as running for ever."""
    run = create(tmp_path / "run", 1, host="optuna")
    study = open_study(run)
    fill_queue(study, 1)
    trial_id = study._pop_waiting_trial_id()
    study._storage._backend.grace_period = 1
    time.sleep(2.1)
    assert study._storage._get_stale_trial_ids(study._study_id) == [trial_id]


def test_no_more_trials_wait_than_there_are_architectures(tmp_path):
    assert most_trials(create(tmp_path / "run", 130, host="optuna")) == 100


def test_trials_that_nothing_within_the_limits_is_left_for_are_pruned(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 7, concurrency=0, host="optuna", seconds=0.0).with_settings(max_parameters=10.0)
    monkeypatch.setattr(Limits, "excess", lambda self, space, a, *_: "odd" if a["tens"] or a["ones"] > 3 else None)
    with OptunaSearch(run) as search:
        worker.work(run)
        states = Counter(trial.state.name for trial in search._study.trials)
    assert states == {"COMPLETE": 4, "PRUNED": 3}


def test_a_worker_begins_trials_until_the_time_is_used_and_leaves_none_waiting(tmp_path, monkeypatch):
    run = create(tmp_path / "run", 1, host="optuna", seconds=0.0).with_settings(trials=None, minutes=5.5 / 60)
    study = open_study(run)
    run.open_search().journal.close()
    ended = partial(study.get_trials, states=[optuna.trial.TrialState.COMPLETE])
    monkeypatch.setattr("nni_nasplus.run.run.seconds_used", lambda _: float(len(ended())))
    worker.work(run)
    assert [trial.state.name for trial in study.get_trials()] == ["COMPLETE"] * 6
    assert not unfinished(study)
