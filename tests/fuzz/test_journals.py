"""Journals of searches: each is read, or refused by a line that names it; what can be read can be gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import cache

from fuzzing import Room, fuzzed
from mutations import BYTES, Choices, mutated, mutated_json, written_json

from nni_nasplus.search.history import History
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.trial import Outcome, Proposal

_WORDS = ("ask", "tell", "report", "continue", "start", "failure", "cancelled", "conv", "reason", -1, 2, 3)


@cache
def lines(folder: str) -> list[dict]:
    """A journal with a line of every kind."""
    space = SearchSpace({"op": ["conv", "pool"], "width": [1, 2, 4]}, {"width": {"op": ["conv"]}})
    journal = Journal.create(f"{folder}/journal.jsonl", space, strategy="thompson", strategy_options={}, seed=0)
    for number, one in enumerate(space):
        journal.ask(Proposal(one, "random", 2 if number < 2 else None))
        journal.report(number, 1, 0.25)
        if number < 3:
            outcome = Outcome(score=0.5, metrics={"seconds": 1.5, "parameters": 8}, cost=2.0, epochs=2, teachers=[0])
            journal.tell(number, outcome if number != 1 else Outcome(reason="ValueError: no"))
    journal.ask(Proposal(journal.history.trials[0].architecture, "random", 4))
    journal.close()
    written = journal.path.read_text(encoding="utf-8").splitlines()
    shutil.rmtree(folder)
    return [json.loads(line) for line in written]


def damaged(room: Room, choices: Choices) -> bytes:
    """A journal with some lines that hold something else, are gone or come twice, or with other bytes."""
    found = list(lines(str(room.path / "whole")))
    for _ in range(choices.below(3)):
        place = choices.below(len(found))
        found[place] = mutated_json(found[place], choices, _WORDS)
    if choices.below(2):
        place = choices.below(len(found))
        found[place : place + choices.below(2)] = [choices.one_of(found)] * choices.below(3)
    return mutated("".join(f"{written_json(line)}\n" for line in found).encode(), choices, BYTES)


def seen(history: History) -> list[object]:
    """What strategies and commands look at."""
    trials = [(t.number, t.status, t.score, t.cost, t.reason, dict(t.metrics), [*t.teachers]) for t in history.trials]
    return [trials, history.best, history.by_time, history.observations, [*_printed(history)]]


def _printed(history: History) -> Iterator[str]:
    for trial in history.best:
        yield f"{trial.score:.4f} {trial.metrics.get('parameters', 0):,.0f} {trial.metrics.get('seconds', 0):.1f}"
        yield ", ".join(f"{epochs:d} {score:.4f}" for epochs, score in trial.curve.items())


@fuzzed()
def test_a_journal_is_read_or_refused(room, choices):
    path = room.path / "journal.jsonl"
    path.write_bytes(damaged(room, choices))
    with room.input():
        seen(Journal.read(path).history)


@fuzzed(share=0.5)
def test_a_journal_that_is_read_can_be_continued(room, choices):
    """Half of the inputs, for a line is synchronised to the disk."""
    path = room.path / "journal.jsonl"
    path.write_bytes(damaged(room, choices))
    with room.input():
        journal = Journal.open(path)
        try:
            for trial in [trial for trial in journal.history.trials if trial.status == "pending"][:1]:
                journal.tell(trial.number, Outcome(score=0.5))
        finally:
            journal.close()
        assert seen(Journal.read(path).history) == seen(journal.history)
