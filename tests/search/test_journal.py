"""The journal: durable, replayable, one writer; and the search over it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from nni_nasplus import Journal, Outcome, Search, SearchSpace, UserError
from nni_nasplus.strategies import AgingEvolution

SPACE = SearchSpace({f"d{i}": [0, 1, 2] for i in range(5)})


def search(path):
    journal = Journal.at(path, SPACE, direction="maximize", seed=0)
    return Search(SPACE, AgingEvolution(population_size=4, sample_size=2), journal=journal)


def test_a_search_continues_as_if_it_had_never_stopped(tmp_path):
    def step(running):
        trial = running.ask()
        running.tell(trial, Outcome(score=float(sum(trial.architecture.values())), metrics={"x": 1.0}, cost=2.0))
        return trial.architecture

    whole = search(tmp_path / "whole.jsonl")
    expected = [step(whole) for _ in range(30)]
    found = []
    for _ in range(10):
        part = search(tmp_path / "parts.jsonl")
        found += [step(part) for _ in range(3)]
        part.journal.close()
    assert found == expected
    assert Journal.read(tmp_path / "parts.jsonl").history.trials == whole.history.trials


def test_architectures_in_flight_are_handed_out_again_first(tmp_path):
    first = search(tmp_path / "j.jsonl")
    asked = [first.ask() for _ in range(3)]
    first.tell(asked[1].number, 0.5)
    first.journal.close()
    second = search(tmp_path / "j.jsonl")
    assert [second.ask().architecture for _ in range(2)] == [asked[0].architecture, asked[2].architecture]
    assert second.ask().number == 3


def test_results_and_failures_are_kept(tmp_path):
    running = search(tmp_path / "j.jsonl")
    running.tell(running.ask(), Outcome(score=0.5, metrics={"loss": 0.1}, cost=3.0))
    running.tell(running.ask(), Outcome(reason="ValueError: no"))
    running.tell(running.ask().number, 0.7)
    read = Journal.read(tmp_path / "j.jsonl").history
    assert [t.status for t in read.trials] == ["done", "failed", "done"]
    assert (read.trials[0].metrics, read.trials[0].cost) == ({"loss": 0.1}, 3.0)
    assert read.trials[1].reason == "ValueError: no"
    assert [t.number for t in read.best] == [2, 0]


def test_the_event_is_on_disk_before_ask_returns(tmp_path):
    code = f"""
import os, signal
from nni_nasplus import Journal, Search, SearchSpace, UserError
from nni_nasplus.strategies import RandomSearch
space = SearchSpace({{"a": [1, 2, 3]}})
Search(space, RandomSearch(), journal=Journal.create({str(tmp_path / "j.jsonl")!r}, space)).ask()
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert len(Journal.read(tmp_path / "j.jsonl").history.trials) == 1


@pytest.mark.parametrize("rest", [b'{"event": "ask", "num', b'{"event": "ask", "num\n', b"\0\0\0\0"])
def test_a_line_cut_off_by_a_crash_is_ignored_and_overwritten(tmp_path, rest):
    path = tmp_path / "j.jsonl"
    running = search(path)
    running.tell(running.ask().number, 0.5)
    running.journal.close()
    path.write_bytes(path.read_bytes() + rest)
    with pytest.warns(UserWarning, match="cut off"):
        again = search(path)
    again.ask()
    assert len(Journal.read(path).history.trials) == 2


def test_a_full_disk_is_named_and_harms_no_line(tmp_path):
    code = f"""
import resource, signal
from nni_nasplus import Journal, Search, SearchSpace, UserError
from nni_nasplus.strategies import RandomSearch
space = SearchSpace({{"a": [1, 2, 3]}})
journal = Journal.create({str(tmp_path / "j.jsonl")!r}, space)
running = Search(space, RandomSearch(), journal=journal)
first = running.ask()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 20, most))
try:
    running.tell(first.number, 0.5)
except UserError as error:
    assert "cannot be written" in str(error) and "keeps what it had" in str(error)
else:
    raise AssertionError("the disk was not full")
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
running.tell(first.number, 0.5)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert [trial.score for trial in Journal.read(tmp_path / "j.jsonl").history.trials] == [0.5]


def test_damage_in_the_middle_is_an_error_that_names_the_line(tmp_path):
    path = tmp_path / "j.jsonl"
    running = search(path)
    running.tell(running.ask().number, 0.5)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "?", lines[2]]) + "\n")
    with pytest.raises(UserError, match="line 2"):
        Journal.read(path)


@pytest.mark.parametrize(
    "line",
    [
        "7",
        "[" * 10_000,
        '{"event": "ask", "number": 5, "architecture": {"d0": 0}, "origin": "random"}',
        '{"event": "continue", "number": -1}',
        '{"event": "tell", "number": 0, "score": 1' + "0" * 400 + "}",
        '{"event": "tell", "number": 0, "score": 0.5, "metrics": {"loss": "low"}}',
        '{"event": "tell", "number": 0, "score": 0.5, "metrics": {"loss": []}}',
        '{"event": "tell", "number": 0, "score": 0.5, "cost": ""}',
        '{"event": "wait", "number": 0}',
    ],
)
def test_a_line_that_no_search_writes_is_damage(tmp_path, line):
    path = tmp_path / "j.jsonl"
    running = search(path)
    running.tell(running.ask().number, 0.5)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, lines[2]]) + "\n")
    with pytest.raises(UserError, match="line 3"):
        Journal.read(path)


def test_one_writer_only(tmp_path):
    writer = search(tmp_path / "j.jsonl")
    code = f"from nni_nasplus import Journal; Journal.open({str(tmp_path / 'j.jsonl')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "another process" in done.stderr
    assert writer.ask().number == 0


def test_refusals(tmp_path):
    path = tmp_path / "j.jsonl"
    search(path).journal.close()
    with pytest.raises(UserError, match="already holds"):
        Journal.create(path, SPACE)
    with pytest.raises(UserError, match="another seed"):
        Journal.open(path, seed=9)
    with pytest.raises(UserError, match="another space"):
        Journal.open(path, SearchSpace({"a": [1]}))
    with pytest.raises(UserError, match="not there"):
        Journal.read(tmp_path / "none.jsonl")
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"event": "start", "version": 99}) + "\n")
    with pytest.raises(UserError, match="format 99"):
        Journal.read(other)


def test_a_trial_is_told_once(tmp_path):
    running = search(tmp_path / "j.jsonl")
    trial = running.ask()
    running.tell(trial.number, 0.1)
    with pytest.raises(ValueError, match="not pending"):
        running.tell(trial.number, 0.1)


def test_results_from_elsewhere(tmp_path):
    running = search(tmp_path / "j.jsonl")
    architecture = {f"d{i}": 0 for i in range(5)}
    running.learn(architecture, 0.3)
    running.learn(architecture, 0.3)
    assert [(t.origin, t.score) for t in running.history.trials] == [("imported", 0.3)]
