"""What --learn-from names is found, refused in a line, or used as far as it is sound."""

from __future__ import annotations

import json

import pytest
from landscapes import GRID
from pools import sampled

from nni_nasplus import Journal, UserError
from nni_nasplus.registry import described
from nni_nasplus.run.learning import carried, earlier_searches, joined
from nni_nasplus.search.earlier import memory_of
from nni_nasplus.search.trial import Outcome, Proposal
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import NasBench201Space

EVENTS = described(EventSequenceSpace, EventSequenceSpace.recommended())


def journal(folder, space=GRID, count=5, direction="maximize", ended=True):
    """A search in a folder, of so many trials; the last one may still run."""
    written = Journal.create(folder / "journal.jsonl", space, direction=direction)
    for place, architecture in enumerate(sampled(space, count)):
        trial = written.ask(Proposal(architecture))
        if ended or place < count - 1:
            written.tell(trial.number, Outcome(score=float(place)))
    written.close()
    return folder


def learned(tmp_path, *names):
    """The notes of what is named, for a run in a folder new."""
    return [one.note for one in earlier_searches([str(name) for name in names], tmp_path / "new")]


def refused(tmp_path, *names):
    with pytest.raises(UserError) as error:
        learned(tmp_path, *names)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_directories_journals_and_exported_memories_are_read_in_order(tmp_path):
    one, other = journal(tmp_path / "one"), journal(tmp_path / "other", direction="minimize")
    (tmp_path / "kept.json").write_text(
        json.dumps(memory_of({"uci": Journal.read(one / "journal.jsonl").history}).to_json())
    )
    notes = learned(tmp_path, other, one / "journal.jsonl", tmp_path / "kept.json")
    assert notes == ["other, 5 results", "one, 5 results", "kept: uci with 5 results"]


def test_none_is_nothing_and_stands_alone(tmp_path):
    assert earlier_searches(None, tmp_path) == earlier_searches("none", tmp_path) == []
    assert "none beside others" in refused(tmp_path, "none", "auto")


def test_what_is_not_there_or_says_nothing_is_refused(tmp_path):
    assert "nowhere is not there" in refused(tmp_path, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "empty/journal.jsonl is not there" in refused(tmp_path, tmp_path / "empty")
    assert "running has no result to learn from" in refused(
        tmp_path, journal(tmp_path / "running", count=1, ended=False)
    )
    assert "the new run itself" in refused(tmp_path, journal(tmp_path / "new"))
    (tmp_path / "a.json").write_text('{"version": 1}')
    assert "a.json is damaged" in refused(tmp_path, tmp_path / "a.json")
    (tmp_path / "b.json").write_text('{"version": 7}')
    assert "no memory of format 1" in refused(tmp_path, tmp_path / "b.json")


def test_a_search_that_has_not_ended_is_used_as_far_as_it_is(tmp_path):
    assert learned(tmp_path, journal(tmp_path / "a", ended=False)) == ["a, 4 results (it has not ended)"]


def test_a_damaged_journal_is_used_as_far_as_it_is_whole(tmp_path):
    path = journal(tmp_path / "a") / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:7], "{damaged}\n", *lines[8:]]))
    assert learned(tmp_path, tmp_path / "a") == [
        f"a, 3 results ({path} is damaged at line 8; what is before it is used)"
    ]
    path.write_text("damaged\n" + "".join(lines[1:]))
    assert "is damaged at line 1" in refused(tmp_path, tmp_path / "a")


def test_another_space_is_refused_by_name(tmp_path):
    earlier = earlier_searches(str(journal(tmp_path / "cells", NasBench201Space().search_space)), tmp_path / "new")
    with pytest.raises(UserError, match="cells: a search of another space"):
        carried(earlier, EVENTS)


def test_what_seqnas_published_comes_along_for_events(tmp_path):
    earlier = earlier_searches("seqnas", tmp_path / "new")
    assert [len(ranking) for ranking in earlier[0].memory.tasks.values()] == [700, 699, 397, 400]
    memory = joined(carried(earlier, EVENTS))
    assert [len(ranking) for ranking in memory.tasks.values()] == [700, 699, 397, 400]
    assert memory.tasks["AGE"].architectures[0]["learning_rate"] == 0.005
