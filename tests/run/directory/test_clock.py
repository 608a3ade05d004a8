"""The time that a search has used: all the times that it ran, without the breaks."""

import os

import pytest

from nni_nasplus import UserError
from nni_nasplus.run.directory import clock
from nni_nasplus.run.directory.clock import CLOCK, counted, seconds_used


@pytest.fixture
def now(monkeypatch):
    """A clock to be set, in seconds."""
    hand = [1000.0]
    monkeypatch.setattr(clock.time, "time", lambda: hand[0])
    return hand


def test_the_time_is_that_of_all_runs_without_the_breaks(tmp_path, now):
    assert seconds_used(tmp_path) == 0
    with counted(tmp_path):
        now[0] += 30
        assert seconds_used(tmp_path) == 30
    now[0] += 5000
    assert seconds_used(tmp_path) == 30
    with counted(tmp_path):
        now[0] += 10
        assert seconds_used(tmp_path) == 40


def test_a_run_that_was_killed_counts_until_its_journal_was_written_last(tmp_path, now):
    with counted(tmp_path):
        left = (tmp_path / CLOCK).read_text()
    (tmp_path / CLOCK).write_text(left)
    (tmp_path / "journal.jsonl").touch()
    os.utime(tmp_path / "journal.jsonl", (1020, 1020))
    now[0] += 5000
    with counted(tmp_path):
        assert seconds_used(tmp_path) == 20


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / CLOCK).write_text('{"before": "long"}')
    with pytest.raises(UserError, match=rf"{CLOCK}.*remove it to count anew"):
        seconds_used(tmp_path)
