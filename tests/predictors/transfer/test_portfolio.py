"""The portfolio of earlier searches: greedy by mean rank."""

from __future__ import annotations

import numpy as np
from landscapes import GRID, score
from pools import sampled

from nni_nasplus import SearchSpace
from nni_nasplus.predictors.transfer.portfolio import portfolio
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.table_space import TableSpace

OPS = SearchSpace({"op": list("abcde")})


def ops(**tasks):
    """Tasks of all five architectures, by their order."""
    return Memory(
        OPS, {name: Ranking.of([{"op": op} for op in order], range(5, 0, -1)) for name, order in tasks.items()}
    )


def chosen(memory, size, without=""):
    return "".join(one["op"] for one in portfolio(memory, memory.space, size, [{"op": op} for op in without]))


def test_an_earlier_task_alone_gives_its_best_first():
    drawn = sampled(GRID, 40)
    utilities = np.random.default_rng(0).normal(size=40)
    assert portfolio(Memory(GRID, {"a": Ranking.of(drawn, utilities)}), GRID, 1) == [drawn[int(utilities.argmax())]]


def test_the_lowest_mean_rank_is_first_then_what_lowers_it_most():
    assert chosen(ops(one="cabde", other="cbade"), 1) == "c"
    assert chosen(ops(one="acbde", other="bcade"), 1) == "a"
    assert chosen(ops(one="acdbe", other="bcdae"), 3) == "cab"


def test_where_nothing_is_gained_another_portfolio_of_what_is_left_follows():
    assert chosen(ops(one="cabde"), 3) == "cab"
    assert chosen(ops(one="cabde", other="cbade"), 9) == "cabde"


def test_what_is_tried_in_any_case_takes_no_place():
    assert chosen(ops(one="cabde"), 2, without="ca") == "bd"
    assert chosen(ops(one="cabde"), 2, without="abcde") == ""


def test_what_was_trained_by_one_task_alone_is_ranked_by_the_models_of_the_others():
    drawn = sampled(GRID, 80)
    scores = np.array([score(one) for one in drawn])
    memory = Memory(GRID, {"one": Ranking.of(drawn[:40], scores[:40]), "other": Ranking.of(drawn[40:], scores[40:])})
    found = [score(one) for one in portfolio(memory, GRID, 2)]
    assert min(found) >= np.sort(scores)[-4]


def test_a_table_is_asked_for_its_rows_alone():
    drawn = sampled(GRID, 60)
    memory = Memory(GRID, {"a": Ranking.of(drawn[:40], [score(one) for one in drawn[:40]])})
    table = TableSpace(GRID, drawn[40:])
    best = portfolio(memory, table, 1)[0]
    assert table.find(best) is not None
    assert score(best) >= np.quantile([score(one) for one in drawn[40:]], 0.8)
