"""Paths in a run's settings: those inside it follow it wherever it goes, all others stay."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from nni_nasplus import UserError
from nni_nasplus.run.directory.places import absolute, kept, require_room, used
from nni_nasplus.run.run import SETTINGS, Run
from nni_nasplus.run.settings import Settings


@pytest.fixture
def run(tmp_path):
    """A run whose settings lead into it, in every way that they can."""
    here = tmp_path / "a"
    return Run.create(
        here,
        Settings(
            evaluator={"class_path": "x.Y", "init_args": {"cache": str(here / "data"), "more": [str(here), "/data"]}},
            strategy_options={"table": f"{here}/table.csv", "next": f"{here}b/table.csv"},
            storage=f"sqlite:///{here}/other.db?timeout=3",
        ),
    )


def moved(run):
    return run.directory.rename(run.directory.parent / "b")


def copied(run):
    return shutil.copytree(run.directory, run.directory.parent / "deep" / "b")


def renamed_above(run):
    return run.directory.parent.rename(run.directory.parents[1] / "other") / "a"


def linked(run):
    (run.directory.parent / "b").symlink_to(moved(run).rename(run.directory.parent / "c"))
    return run.directory.parent / "b"


@pytest.mark.parametrize("brought", [moved, copied, renamed_above, linked])
def test_paths_inside_a_run_follow_it(run, brought, tmp_path):
    settings = Run.open(there := brought(run)).settings
    there = there.resolve()
    assert settings.evaluator["init_args"] == {"cache": f"{there}/data", "more": [str(there), "/data"]}
    assert settings.strategy_options == {"table": f"{there}/table.csv", "next": f"{run.directory}b/table.csv"}
    assert settings.storage == f"sqlite:///{there}/other.db?timeout=3"


def test_a_run_is_found_from_every_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Run.create("a", Settings(storage="sqlite:///study.db"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert Run.open("../a").settings.storage == f"sqlite:///{tmp_path}/study.db"


def test_nothing_in_the_file_says_where_it_is(run):
    text = (run.directory / SETTINGS).read_text()
    assert f"{run.directory}/" not in text
    assert f'{run.directory}"' not in text


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("sqlite:///study.db", "sqlite:////here/study.db"),
        ("sqlite:////else/study.db", "sqlite:////else/study.db"),
        ("sqlite+pysqlite:///../study.db", "sqlite+pysqlite:////above/study.db"),
        ("journal:study.log", "journal:/here/study.log"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql+psycopg://me@host/study", "postgresql+psycopg://me@host/study"),
    ],
)
def test_a_storage_means_the_same_everywhere(given, taken, tmp_path, monkeypatch):
    (here := tmp_path / "here").mkdir()
    monkeypatch.chdir(here)
    assert absolute(given) == taken.replace("/here", str(here)).replace("/above", str(tmp_path))


@pytest.mark.parametrize("value", ["a", "/run", "{run}ning", 3, None, [], {"x": 1.5}, "postgresql://host//run/x"])
def test_what_is_no_path_into_the_run_stays(value, tmp_path):
    assert used(kept(value, tmp_path), tmp_path) == value
    assert kept(value, tmp_path) == value


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("file", "file is no directory; name a new directory with --out"),
        ("file/run", "file is no directory; name a new directory with --out"),
        ("dangling/run", "dangling is no directory"),
        ("/proc/self/run", r"/proc/\d+/run cannot be written \(.+\); name another place with --out"),
        ("x" * 240 + "/" + "y" * 240, "more than databases take; name one of at most 470"),
    ],
)
def test_a_directory_that_cannot_be_made_is_refused_before_anything_is_read(out, message, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    with pytest.raises(UserError, match=message):
        require_room(tmp_path / out)


@pytest.mark.parametrize("linked_by", [os.link, os.symlink])
def test_a_copy_made_of_links_gets_files_of_its_own(run, linked_by, tmp_path):
    (run.directory / "trials").mkdir()
    for name in ("journal.jsonl", "trials/model.safetensors"):
        (run.directory / name).write_text("original")
    copy = Run.open(shutil.copytree(run.directory, tmp_path / "b", copy_function=linked_by))
    with copy.exclusive():
        for name in ("journal.jsonl", "trials/model.safetensors"):
            (copy.directory / name).write_text("copy")
            assert (run.directory / name).read_text() == "original"


@pytest.mark.parametrize("part", ["trials", "models"])
def test_who_searches_waits_for_who_shows_a_run_or_trains_models_of_it(run, part):
    other = Run.open(run.directory)
    with run.held(part):
        with other.held("models" if part == "trials" else "trials"):
            pass
        with pytest.raises(UserError, match=r"process searches in, or .*/a; wait for it or end"), other.exclusive():
            pass


@pytest.mark.parametrize("linked_by", [os.link, os.symlink])
def test_the_settings_of_a_copy_made_of_links_change_alone(run, linked_by, tmp_path):
    copy = Run.open(shutil.copytree(run.directory, tmp_path / "b", copy_function=linked_by))
    copy.with_settings(trials=7)
    trials = [Run.open(directory).settings.trials for directory in (copy.directory, run.directory)]
    assert trials == [7, run.settings.trials]


def test_half_a_copy_is_named(run):
    with pytest.raises(UserError, match=r"a/data is not there; copy all of the directory that .*/a comes from"):
        run.require_whole()
    (run.directory / "data").mkdir()
    run.require_whole()


def test_a_run_that_cannot_be_written_is_named(run, monkeypatch):
    def refuse(path, content):
        raise UserError("no") from PermissionError(13, "Permission denied")

    monkeypatch.setattr("nni_nasplus.run.directory.settings_file.write_json", refuse)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match=r"a cannot be written \(Permission denied, or read-only\); copy it"):
        run.require_writable()
    with pytest.raises(UserError, match=r"a cannot be written \(Permission denied\); copy it to where you may write"):
        run.with_settings(trials=3)
    assert json.loads((run.directory / SETTINGS).read_text())["trials"] == Settings().trials
