"""The contract of every strategy."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from budgeted_searches import WHOLE, crossing, parts_trained
from budgeted_searches import search_of as budgeted
from hypothesis import given, settings
from hypothesis import strategies as st
from landscapes import GRID, STARTS, Begun, score, trained

from nni_nasplus import (
    History,
    Journal,
    Outcome,
    Proposal,
    Search,
    SearchSpace,
    SearchSpaceExhausted,
    UserError,
    registry,
)
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.strategy import Strategy, make_strategy

NAMES = registry.available("strategies")
SMALL = SearchSpace({"op": ["a", "b", "c"], "heads": [1, 2]}, {"heads": {"op": ["a"]}})


def ranked(space, count=20):
    """Some architectures of a space with a utility of theirs, here and there none or an infinite one."""
    rng = np.random.default_rng(0)
    drawn = list({space.key(a): a for a in (space.sample(rng) for _ in range(count))}.values())
    utilities = [
        [np.nan, np.inf, -np.inf, len(str(a)) + sum(map(len, map(str, a.values())))][i % 4] for i, a in enumerate(drawn)
    ]
    return Ranking.of(drawn, utilities)


_TAUGHT: dict[int, Memory] = {}
"""By the space, whatever its class: the models of a memory are fitted once for all tests."""


def taught(space):
    """Two earlier searches of a space, of which one says the opposite of the other."""
    found = ranked(space)
    return _TAUGHT.setdefault(
        id(space), Memory(space, {"one": found, "other": Ranking.of(found.architectures, found.ranks)})
    )


def search_of(name, space, **options):
    """A search with a strategy of default options.

    ``NAME, ranked`` begins with a ranking of the space, ``NAME, taught`` with two earlier searches of it, and that of
    ``NAME, lstm`` has an LSTM for its policy.
    """
    plain, _, begun = name.partition(", ")
    known = {"ranked": lambda: {"ranking": ranked(space)}, "taught": lambda: {"earlier": taught(space)}}.get(
        begun, dict
    )()
    return Search(space, make_strategy(plain, {"policy": "lstm"} if begun == "lstm" else {}), **known, **options)


LSTM = [f"{name}, lstm" for name in ("ppo", "reinforce")]
BEGUN = sorted([*(f"{name}, ranked" for name in NAMES), "evolution, taught", "thompson, taught", *LSTM])
OFTEN = ("evolution, ranked", "evolution, taught")
"""Of what a search may begin with; how thompson learns from it has tests of its own."""
CASES = [*NAMES, *(pytest.param(case, marks=[pytest.mark.system] * (case not in OFTEN)) for case in BEGUN)]


@pytest.fixture(params=CASES)
def search(request):
    """Makes a search of every strategy."""
    return lambda space, **options: search_of(request.param, space, **options)


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_is_a_frozen_dataclass_of_its_options(name):
    strategy = make_strategy(name, {})
    assert isinstance(strategy, Strategy)
    assert strategy == make_strategy(name, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        strategy.learns = None
    assert pickle.loads(pickle.dumps(strategy)) == strategy  # noqa: S301


def test_equal_seeds_reproduce_and_others_do_not(search):
    first = trained(search(GRID, seed=1), 30)
    assert first == trained(search(GRID, seed=1), 30)
    assert first != trained(search(GRID, seed=2), 30)


@pytest.mark.parametrize("count", [75, pytest.param(500, marks=pytest.mark.slow)])
def test_asynchronous_proposals_are_canonical_and_never_repeat(search, count):
    running, rng, keys, flying = search(GRID, seed=0), np.random.default_rng(0), set(), []
    for asked in range(count):
        flying.append(running.ask())
        architecture = flying[-1].architecture
        assert architecture == GRID.validate(architecture)
        keys.add(GRID.key(architecture))
        while len(flying) > rng.integers(1, 8):
            told = flying.pop(rng.integers(len(flying)))
            failed = asked < 100 and rng.random() < 0.1
            running.tell(told, None if failed else score(told.architecture) + rng.normal())
    assert len(keys) == count


@settings(deadline=None, max_examples=15)
@given(
    st.integers(0, 1000),
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 7)), max_size=40),
    st.sampled_from([None, [], STARTS]),
)
@pytest.mark.parametrize("name", CASES)
def test_a_fresh_strategy_goes_on_from_a_journal_of_any_moment(tmp_path_factory, name, seed, steps, initial):
    path = tmp_path_factory.mktemp("journal") / "j.jsonl"
    running = search_of(name, GRID, seed=seed, initial=initial, journal=Journal.create(path, GRID))
    flying = []
    for ask, fail, which in steps:
        if ask or not flying:
            flying.append(running.ask())
        else:
            told = flying.pop(which % len(flying))
            running.tell(told, None if fail else Outcome(score=score(told.architecture), cost=1.0))
    running.journal.close()
    restored = search_of(name, GRID, seed=seed, initial=initial, journal=Journal.open(path))
    assert restored.history.trials == running.history.trials
    assert restored.history.observations == running.history.observations
    assert restored.propose() == running.propose()
    assert sorted(trial.number for trial in (restored.ask() for _ in flying)) == sorted(t.number for t in flying)
    assert restored.ask().number == len(running.history.trials)
    restored.journal.close()


def test_a_small_space_is_exhausted_completely_and_cleanly(search):
    running, seen = search(SMALL, seed=0), []
    with pytest.raises(SearchSpaceExhausted):
        while True:
            seen.append(running.ask())
            running.tell(seen[-1], 0.5)
    assert sorted(SMALL.key(trial.architecture) for trial in seen) == sorted(map(SMALL.key, SMALL))


def test_exhaustion_with_everything_in_flight(search):
    running = search(SMALL, seed=0)
    for _ in range(4):
        running.ask()
    with pytest.raises(SearchSpaceExhausted):
        running.ask()


def test_failures_never_come_back_and_do_not_stop_the_search(search):
    running = search(SMALL, seed=3)
    asked = []
    for _ in range(4):
        asked.append(running.ask())
        running.tell(asked[-1], None)
    assert len({SMALL.key(trial.architecture) for trial in asked}) == 4
    assert running.history.succeeded == []


def test_minimising_the_negative_is_maximising(search):
    up, down = search(GRID, seed=5), search(GRID, seed=5, direction="minimize")
    for _ in range(40):
        a, b = up.ask(), down.ask()
        assert a.architecture == b.architecture
        up.tell(a, score(a.architecture))
        down.tell(b, -score(b.architecture))


def test_a_proposal_leaves_the_history_as_it_is(search):
    running = search(GRID, seed=2)
    trained(running, 15)
    before = pickle.dumps([running.history.trials, running.history.asked])
    assert running.propose() == running.propose()
    assert pickle.dumps([running.history.trials, running.history.asked]) == before


def test_a_history_that_was_copied_gives_the_same_proposal(search):
    running = search(GRID, seed=2)
    trained(running, 15)
    copied = pickle.loads(pickle.dumps(running.history))  # noqa: S301
    rngs = np.random.default_rng(7), np.random.default_rng(7)
    assert running.strategy.propose(running.history, rngs[0]) == running.strategy.propose(copied, rngs[1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", ["asha", "hyperband"])
def test_with_a_budget_no_part_is_trained_twice_one_reaches_the_end_and_a_journal_goes_on(tmp_path, name, rule):
    def search(journal):
        return budgeted(rule, strategy=name, trials=14, journal=journal)

    whole = search(Journal.create(tmp_path / "whole.jsonl", GRID))
    parts = parts_trained(whole, crossing)
    assert len(set(parts)) == len(parts)
    assert {number for number, _ in parts} == set(range(14))
    assert whole.history.best[0].reached == WHOLE
    dying = search(Journal.create(tmp_path / "j.jsonl", GRID))
    parts_trained(dying, crossing, parts=len(parts) // 2)
    dying.journal.close()
    risen = search(Journal.open(tmp_path / "j.jsonl"))
    parts_trained(risen, crossing)
    assert risen.history.trials == whole.history.trials
    risen.journal.close()
    whole.journal.close()


def test_results_from_elsewhere_are_taken_and_not_proposed_again(search):
    running = search(SMALL, seed=0)
    running.learn({"op": "b"}, 0.9)
    assert {"op": "b"} not in [running.ask().architecture for _ in range(3)]


def test_what_exceeds_a_limit_is_never_handed_out(search):
    running = search(GRID, seed=0, excess=lambda a: "d0 is not 0" if a["d0"] else None)
    architectures = trained(running, 20)
    assert {a["d0"] for a in architectures} == {0}
    rejected = [trial for trial in running.history.trials if trial.status == "rejected"]
    assert {trial.reason for trial in rejected} == {"d0 is not 0"}
    assert len(rejected) + 20 == len(running.history.trials)


def test_what_is_in_use_already_is_proposed_first_unless_told_before(search):
    running = search(GRID, seed=0, initial=STARTS)
    asked = [running.ask() for _ in range(len(STARTS) + 1)]
    assert [(t.architecture, t.origin) for t in asked[:-1]] == [(start, "initial") for start in STARTS]
    assert asked[-1].origin != "initial"
    running = search(GRID, seed=0, initial=STARTS)
    running.learn(STARTS[0], 1.0)
    assert running.ask().architecture == STARTS[1]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_presearch_has_found_comes_after_the_initial_ones(name):
    first = ranked(GRID).architectures[0]
    if make_strategy(name, {}).presearches:
        running = search_of(f"{name}, ranked", GRID, seed=0, initial=STARTS[:1])
        assert [running.ask().architecture for _ in range(2)] == [STARTS[0], first]


def test_an_initial_architecture_outside_the_space_is_named(search):
    with pytest.raises(UserError, match="decision 'd0' cannot be 7"):
        search(GRID, seed=0, initial=[{**STARTS[0], "d0": 7}])


def test_strategies_that_learn_begin_with_what_the_space_names(search):
    running = search(Begun(GRID.decisions), seed=0)
    assert (running.ask().origin == "initial") == running.strategy.learns
    assert search(Begun(GRID.decisions), seed=0, initial=[]).ask().origin != "initial"


def test_bad_arguments_are_named(search):
    with pytest.raises(UserError, match="direction"):
        search(GRID, direction="up")
    with pytest.raises(UserError, match="seed"):
        search(GRID, seed=-1)


def test_a_fresh_strategy_proposes_what_one_that_saw_the_whole_search_does(search):
    running = search(GRID, seed=3)
    for _ in range(25):
        trained(running, 1)
        fresh = dataclasses.replace(running.strategy)
        history = History(GRID, ranking=running.history.ranking, memory=running.history.memory)
        for trial in running.history.trials:
            history.ask(Proposal(trial.architecture, trial.origin))
            history.tell(trial.number, trial.outcome)
        again = Search(GRID, fresh, seed=3)
        again.history = history
        assert again.propose() == running.propose()
