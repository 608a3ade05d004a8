"""A run that was copied goes on where it is, without a home and behind a proxy, and leaves the original alone."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from digits_search import complete, create
from places import HELPERS

from nni_nasplus.run.run import Run


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    """The workers find the search of digits, but no home, and a proxy that does not answer."""
    monkeypatch.setenv("PYTHONPATH", str(HELPERS))
    monkeypatch.setenv("HOME", "/dev/null/home")
    for name in ("http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def contents(directory: Path) -> dict[Path, bytes]:
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def places(database: Path) -> str:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT logPath FROM TrialJobEvent WHERE logPath IS NOT NULL").fetchall()
        rows += connection.execute("SELECT logDir || params FROM ExperimentProfile").fetchall()
    return "\n".join(text for (text,) in rows)


@pytest.mark.nni
@pytest.mark.slow
@pytest.mark.parametrize("host", ["nni", "optuna"])
def test_a_copy_goes_on_and_leaves_the_original(tmp_path, host):
    run = create(tmp_path / "a", 2, host=host)
    complete(run)
    before = contents(run.directory)
    copy = Run.open(shutil.copytree(run.directory, tmp_path / "else" / "b", symlinks=True)).with_settings(trials=4)
    complete(copy)
    assert contents(run.directory) == before
    assert [trial.status for trial in copy.history().trials] == ["done"] * 4
    assert copy.history().trials[:2] == run.history().trials
    assert len(list((copy.directory / "trials").iterdir())) == 4
    for database in copy.directory.glob("nni/*/db/nni.sqlite"):
        assert f"{copy.directory}/nni" in places(database)
        assert str(run.directory) not in places(database)
