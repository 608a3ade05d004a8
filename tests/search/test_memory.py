"""The memory of earlier searches: architectures and ranks, carried from space to space."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pools import GRID, SPACES, sampled

from nni_nasplus import History, Outcome, Proposal, SearchSpace, UserError
from nni_nasplus.search.earlier import memory_of
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking

OLD = SearchSpace({"op": ["conv", "pool"], "heads": [1, 2], "width": [8, 16]}, {"heads": {"op": ["conv"]}})
CONV, POOL = {"op": "conv", "heads": 2, "width": 8}, {"op": "pool", "width": 16}


def remembered(space, architectures, **tasks):
    return Memory(space, {name: Ranking.of(architectures, utilities) for name, utilities in tasks.items()})


def history_of(space, results, direction="maximize"):
    """A history of architectures and scores; a failure's kind instead of a score."""
    history = History(space, direction)
    for architecture, result in results:
        trial = history.ask(Proposal(architecture))
        history.tell(trial.number, Outcome(failure=result) if isinstance(result, str) else Outcome(score=result))
    return history


@pytest.mark.parametrize("name", SPACES)
def test_it_travels_as_json(name):
    space = SPACES[name].search_space
    drawn = sampled(space, 50)
    memory = remembered(space, drawn, one=np.random.default_rng(0).normal(size=50), other=range(50))
    read = Memory.from_json(json.loads(json.dumps(memory.to_json(), allow_nan=False)))
    assert read.space == space
    for known, again in zip(memory.tasks.values(), read.tasks.values(), strict=True):
        assert known.architectures == again.architectures
        np.testing.assert_array_equal(known.ranks, again.ranks)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content["tasks"].clear(),
        lambda content: content["tasks"].update(one="many"),
        lambda content: content["tasks"]["one"].update(ranks=[1]),
        lambda content: content["tasks"]["one"].update(ranks=[1, "second"]),
        lambda content: content["tasks"]["one"].update(ranks=[1, float("nan")]),
        lambda content: content["tasks"]["one"].update(architectures=[], ranks=[]),
        lambda content: content["tasks"]["one"].update(architectures=[CONV, "pool"]),
        lambda content: content["tasks"]["one"].update(architectures=[CONV, {"op": "lstm"}]),
        lambda content: content.pop("space"),
        lambda content: content.pop("tasks"),
        lambda content: content.update(version=0),
    ],
)
def test_what_is_damaged_is_no_memory(damage):
    content = json.loads(json.dumps(remembered(OLD, [CONV, POOL], one=[2, 1]).to_json()))
    damage(content)
    with pytest.raises((UserError, LookupError, TypeError, ValueError)):
        Memory.from_json(content)


def test_only_architectures_and_ranks_are_kept():
    history = history_of(OLD, [(CONV, 0.123456789), (POOL, 0.987654321)])
    text = json.dumps(memory_of({"uci": history}).to_json()["tasks"])
    assert json.loads(text) == {"uci": {"architectures": [POOL, CONV], "ranks": [1, 2]}}


@pytest.mark.parametrize(("factor", "shift", "direction"), [(1000, 0, "maximize"), (-3, 7, "minimize")])
def test_scale_and_direction_do_not_matter(factor, shift, direction):
    drawn = sampled(GRID, 9)
    scores = np.random.default_rng(1).normal(size=9)
    plain = history_of(GRID, zip(drawn, scores.tolist(), strict=True))
    other = history_of(GRID, zip(drawn, (factor * scores + shift).tolist(), strict=True), direction)
    assert memory_of({"a": plain}).to_json() == memory_of({"a": other}).to_json()


def test_what_diverged_is_worst_and_what_failed_otherwise_is_unknown():
    others = [{"op": "pool", "width": 8}, {"op": "conv", "heads": 1, "width": 8}]
    history = history_of(OLD, [(POOL, "diverged"), (CONV, -1e9), (others[0], "error"), (others[1], "cancelled")])
    assert memory_of({"a": history}).tasks["a"].architectures == [CONV, POOL]


def test_a_search_without_results_is_named():
    for results in ([], [(POOL, "diverged")]):
        with pytest.raises(UserError, match="uci has no result to learn from; leave it out"):
            memory_of({"uci": history_of(OLD, results)})


class TestAnotherSpace:
    memory = remembered(OLD, [CONV, POOL, {**CONV, "width": 16}], one=[3, 2, 1])

    def carried(self, decisions, conditions=None):
        return self.memory.carried(SearchSpace(decisions, conditions)).tasks["one"]

    def test_new_decisions_take_their_first_choice(self):
        found = self.carried({**OLD.decisions, "rate": [0.1, 0.2]}, OLD.conditions)
        assert found.architectures[0] == {**CONV, "rate": 0.1}
        assert len(found) == 3

    def test_decisions_that_it_lacks_are_dropped_and_of_those_that_become_alike_the_best_counts(self):
        found = self.carried({"op": ["conv", "pool"], "heads": [1, 2]}, {"heads": {"op": ["conv"]}})
        assert found.architectures == [{"op": "conv", "heads": 2}, {"op": "pool"}]
        assert found.ranks.tolist() == [1, 2]

    def test_what_it_has_not_is_left_out(self):
        found = self.carried({**OLD.decisions, "width": [8]}, OLD.conditions)
        assert found.architectures == [CONV]

    def test_what_was_undecided_and_counts_there_is_left_out(self):
        assert self.carried(OLD.decisions).architectures == [CONV, {**CONV, "width": 16}]

    def test_an_altogether_other_space_is_refused_by_name(self):
        with pytest.raises(UserError, match="one: a search of another space"):
            self.carried({"op": ["conv", "pool"], "a": [1], "b": [1], "c": [1]})
        with pytest.raises(UserError, match="one: none of its 3 architectures is in this space"):
            self.carried({**OLD.decisions, "width": [32, 64]}, OLD.conditions)


def test_tasks_of_one_name_are_told_apart():
    one = remembered(OLD, [CONV, POOL], uci=[1, 2])
    assert list(Memory.joined([one, one, one]).tasks) == ["uci", "uci (2)", "uci (3)"]
