"""What a search gains from earlier ones, and what it loses by a useless one."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from landscapes import GRID, STARTS, score
from pools import sampled

from nni_nasplus import History, Journal, Outcome, Proposal, Search, UserError, registry
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies import ThompsonSampling

TAUGHT = ("evolution", "thompson")
BEST = GRID.validate(dict.fromkeys(GRID.decisions, 3))


def rugged(architecture):
    """A landscape in which choices depend on each other."""
    places = list(enumerate(architecture.values()))
    alone = sum(math.sin(1 + 7 * i + 3 * j) for i, j in places)
    return alone + 0.5 * sum(math.cos(i + 5 * j + 11 * k) for (i, j), (_, k) in pairwise(places))


ENOUGH = sorted(map(rugged, GRID))[-20]


def earlier(scale=1.0, architectures=None, direction="maximize", reached=score):
    """A search that has trained some architectures of a landscape."""
    history = History(GRID, direction)
    for architecture in architectures or sampled(GRID, 40):
        trial = history.ask(Proposal(architecture))
        history.tell(trial.number, Outcome(score=scale * reached(architecture)))
    return history


def proposed(search, count=12):
    """The first architectures, by key and origin."""
    out = []
    for _ in range(count):
        trial = search.ask()
        search.tell(trial, score(trial.architecture))
        out.append((GRID.key(trial.architecture), trial.origin))
    return out


def needed(history, seed):
    """Trainings until one of the twenty best of the rugged landscape."""
    search = Search(GRID, ThompsonSampling(), seed=seed, earlier=history)
    for count in range(1, 51):
        trial = search.ask()
        search.tell(trial, rugged(trial.architecture))
        if rugged(trial.architecture) >= ENOUGH:
            return count
    return 51


@pytest.mark.parametrize("name", TAUGHT)
def test_an_earlier_search_of_the_same_task_gives_its_best_first(name):
    drawn = sampled(GRID, 40)
    trial = Search(GRID, make_strategy(name, {}), earlier=[earlier(architectures=[*drawn, BEST])]).ask()
    assert (trial.architecture, trial.origin) == (BEST, "memory")


@pytest.mark.parametrize("name", TAUGHT)
def test_what_the_user_names_comes_first(name):
    search = Search(GRID, make_strategy(name, {}), earlier=[earlier()], initial=STARTS[:1])
    assert [search.ask().origin for _ in range(2)] == ["initial", "memory"]


@pytest.mark.parametrize("name", registry.available("strategies"))
def test_without_earlier_searches_nothing_changes(name):
    cold, none = (Search(GRID, make_strategy(name, {}), seed=3, **how) for how in ({}, {"earlier": []}))
    assert proposed(cold) == proposed(none)


@pytest.mark.parametrize("name", TAUGHT)
def test_neither_scale_nor_direction_matters_and_seeds_reproduce(name):
    others = [earlier(), earlier(1000.0), earlier(-0.5, direction="minimize"), earlier()]
    found = [proposed(Search(GRID, make_strategy(name, {}), seed=1, earlier=[one])) for one in others]
    assert found[1:] == found[:1] * 3


@pytest.mark.parametrize("count", [0, 2, 9])
def test_a_search_that_is_resumed_proposes_the_same(tmp_path, count):
    options = {"strategy": ThompsonSampling(), "seed": 2, "earlier": [earlier(), earlier(-1.0)]}
    whole = proposed(Search(GRID, **options), count + 6)
    begun = Search(GRID, journal=Journal.create(tmp_path / "j.jsonl", GRID), **options)
    assert proposed(begun, count) == whole[:count]
    begun.journal.close()
    assert proposed(Search(GRID, journal=Journal.open(tmp_path / "j.jsonl", GRID), **options), 6) == whole[count:]


def test_an_earlier_search_of_the_same_task_saves_trainings_and_a_reversed_one_costs_few():
    same, other = earlier(reached=rugged), earlier(-1.0, reached=rugged)
    cold, same, other = ([needed(how, seed) for seed in range(5)] for how in ((), [same], [other]))
    assert np.median(same) < np.median(cold)
    assert np.median(other) <= np.median(cold) + 5


@pytest.mark.parametrize("name", registry.available("predictors"))
def test_it_works_with_every_predictor(name):
    try:
        registry.load("predictors", name)(GRID)
    except UserError as error:
        pytest.skip(str(error))
    search = Search(GRID, ThompsonSampling(predictor=name), earlier=[earlier()])
    assert [origin for _, origin in proposed(search, 8)][-1] == "ei"


def test_a_search_without_results_is_refused():
    with pytest.raises(UserError, match="earlier 2 has no result"):
        Search(GRID, ThompsonSampling(), earlier=[earlier(), History(GRID)])
