"""Whose a study is: no run trains into that of another, and none forgets what it had."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from digits_search import create

from nni_nasplus import UserError

optuna = pytest.importorskip("optuna")

from nni_nasplus.hosts.optuna import OptunaHost  # noqa: E402
from nni_nasplus.hosts.optuna.ownership import with_own_study  # noqa: E402
from nni_nasplus.hosts.optuna.search import OptunaSearch  # noqa: E402
from nni_nasplus.hosts.optuna.study import fill_queue, open_study, unfinished  # noqa: E402
from nni_nasplus.hosts.optuna.worker import work  # noqa: E402
from nni_nasplus.run.run import Run  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture
def shared(tmp_path):
    """The URL of a storage that lies in no run."""
    return f"sqlite:///{tmp_path}/shared.db"


def trained(run: Run, trials: int) -> Run:
    """The run, after it had so many trials; in this process, for its workers would take long to start."""
    run = with_own_study(run)
    study = open_study(run)
    fill_queue(study, trials)
    work(run)
    with OptunaSearch(run.with_settings(trials=trials)) as search:
        assert not unfinished(search._study)
    return Run.open(run.directory)


@pytest.fixture
def run(tmp_path, shared):
    return trained(create(tmp_path / "a", 3, host="optuna", storage=shared, seconds=0.0), 3)


def contents(path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


def of_study(url: str, name: str) -> list[tuple]:
    return [
        (t.number, t.state, t.value, t.params) for t in optuna.load_study(study_name=name, storage=url).get_trials()
    ]


@pytest.mark.filterwarnings("ignore:.*is not where it was")
def test_a_copy_goes_on_in_a_study_of_its_own(run, shared):
    before = of_study(shared, "a"), (run.directory / "journal.jsonl").read_bytes()
    copy = trained(Run.open(shutil.copytree(run.directory, run.directory.parent / "b")), 5)
    assert (of_study(shared, "a"), (run.directory / "journal.jsonl").read_bytes()) == before
    assert copy.settings.study == "b"
    assert of_study(shared, "b")[:3] == before[0]
    assert [trial.status for trial in copy.history().trials] == ["done"] * 5


@pytest.mark.filterwarnings("ignore:.*is not where it was")
def test_what_the_original_trained_after_the_copy_is_not_the_copys(run, shared):
    copy = Run.open(shutil.copytree(run.directory, run.directory.parent / "b"))
    trained(run, 5)
    assert len(of_study(shared, with_own_study(copy).settings.study)) == 3


def test_a_copy_of_the_same_name_is_told(run, shared):
    copy = Run.open(shutil.copytree(run.directory, run.directory.parent / "other" / "a"))
    with pytest.warns(UserWarning, match=r"other/a is not where it was; its study is now 'a-2'"):
        assert with_own_study(copy).settings.study == "a-2"
    assert Run.open(copy.directory).settings.study == "a-2"


def test_a_copy_has_no_workers_before_it_has_a_study(run):
    copy = Run.open(shutil.copytree(run.directory, run.directory.parent / "b"))
    with pytest.raises(
        UserError, match=r"the study 'a' belongs to .*/a, of which .*/b is a copy; begin the copy's own"
    ):
        OptunaHost().work(copy)


def test_a_run_that_was_moved_keeps_its_study(run, shared):
    moved = trained(Run.open(run.directory.rename(run.directory.parent / "b")), 4)
    assert moved.settings.study == "a"
    assert optuna.get_all_study_names(shared) == ["a"]
    assert len(moved.history().finished) == 4


@pytest.mark.parametrize("brought", [shutil.copytree, shutil.move])
def test_the_default_storage_goes_with_the_run(tmp_path, brought):
    run = trained(create(tmp_path / "a", 3, host="optuna", seconds=0.0), 3)
    before = contents(run.directory / "study.db")
    there = trained(Run.open(brought(run.directory, tmp_path / "b")), 4)
    assert len(there.history().finished) == 4
    assert len(of_study(f"sqlite:///{tmp_path}/b/study.db", "a")) == 4
    if run.directory.exists():
        assert contents(run.directory / "study.db") == before


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")
def test_a_study_that_was_left_behind_is_made_anew_of_the_journal(tmp_path):
    run = trained(create(tmp_path / "a", 3, host="optuna", seconds=0.0), 3)
    (run.directory / "study.db").unlink()
    assert len(trained(run, 4).history().trials) == 4
    assert len(of_study(f"sqlite:///{run.directory}/study.db", "a")) == 4
