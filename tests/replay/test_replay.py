"""Searching again on a table, by methods that are named."""

from __future__ import annotations

import numpy as np
import pytest
from toy_tables import ALL, STRATEGIES, WHOLE, search_on, table_of

from nni_nasplus import Proposal, SearchSpace, UserError
from nni_nasplus.replay.replay import parse_method, replay, top_share
from nni_nasplus.replay.resampling import random_median
from nni_nasplus.search.table_space import TableSpace


class TestTable:
    def test_a_complete_table_is_searched_as_the_whole_space(self):
        assert type(table_of(len(ALL)).space) is SearchSpace
        assert table_of(len(ALL) - 1).space is not WHOLE
        assert isinstance(table_of(len(ALL) - 1).space, TableSpace)

    def test_regret_is_the_distance_to_the_best_in_either_direction(self):
        scores = np.array([3.0, np.nan, 1.0, 2.0])
        np.testing.assert_array_equal(table_of(4, scores=scores).regrets, [0, np.inf, 2, 1])
        np.testing.assert_array_equal(table_of(4, scores=scores, direction="minimize").regrets, [2, np.inf, 0, 1])

    def test_the_target_is_reached_by_any_of_the_top_ties_included(self):
        table = table_of(5, scores=np.array([5.0, 4, 4, 1, 0]), top=2)
        assert table.reached([3, 4, 2]) == 3
        assert table.reached([3, 4, 2], top=1) is None
        assert table.reached([0]) == 1

    def test_noise_is_one_of_the_trainings(self):
        table = table_of(2, scores=np.array([1.0, 2.0]), runs=np.array([[0.5, 1.5], [2.0, np.nan]]))
        rng = np.random.default_rng(0)
        assert {table.tell(0, rng) for _ in range(50)} == {0.5, 1.5}
        assert {table.tell(1, rng) for _ in range(50)} == {2.0}

    def test_a_row_without_its_score_is_refused(self):
        with pytest.raises(UserError, match="3 rows and 2 scores"):
            table_of(3, scores=np.zeros(2))

    def test_a_table_without_scores_is_refused(self):
        with pytest.raises(UserError, match="no score"):
            table_of(3, scores=np.full(3, np.nan))

    def test_the_best_share(self):
        assert [top_share(n, 0.01) for n in (10, 100, 397, 700)] == [1, 1, 3, 7]


class TestReplay:
    @pytest.mark.parametrize("name", STRATEGIES)
    def test_it_is_the_naive_loop(self, name):
        table = table_of(20)
        done = replay(search_on(name, table, 4), table, budget=15)
        naive, rows = search_on(name, table, 4), []
        for _ in range(15):
            trial = naive.ask()
            rows.append(table.pool.row(trial.architecture))
            naive.tell(trial, table.scores[rows[-1]])
        assert done.rows == rows

    @pytest.mark.parametrize("batch", [1, 4, 50])
    def test_it_ends_with_the_budget_or_the_table(self, batch):
        table = table_of(20)
        assert len(replay(search_on("random", table, 0), table, budget=13, batch=batch).rows) == 13
        assert sorted(replay(search_on("random", table, 0), table, budget=99, batch=batch).rows) == list(range(20))

    def test_a_batch_is_asked_before_any_of_it_is_told(self):
        class Counting:
            def __init__(self):
                self.rows, self.calls = iter(range(7)), ""

            def ask(self):
                self.calls += "a"
                return Proposal(table.pool.take([next(self.rows)])[0])

            def tell(self, asked, score):
                self.calls += "t"

        table, asker = table_of(20), Counting()
        replay(asker, table, budget=7, batch=3)
        assert asker.calls == "aaatttaaatttat"

    def test_it_stops_at_the_target_once_it_has_enough(self):
        table = table_of(25)
        for seed in range(10):
            done = replay(search_on("random", table, seed), table, budget=25, enough=6)
            assert len(done.rows) == max(6, table.reached(done.rows))

    def test_it_ends_before_its_trainings_take_longer_than_they_may(self):
        table = table_of(20, seconds=np.full(20, 3.0))
        done = replay(search_on("random", table, 0), table, budget=20, training=10.0)
        assert done.rows == replay(search_on("random", table, 0), table, budget=3).rows
        assert done.told == table.scores[done.rows].tolist()
        with pytest.raises(UserError, match="table toy does not say how long training takes; limit the evaluations"):
            replay(search_on("random", table_of(20), 0), table_of(20), budget=20, training=10.0)

    def test_failures_are_told_as_failures(self):
        table = table_of(10, scores=np.where(np.arange(10) % 2, np.nan, 1.0))
        search = search_on("random", table, 0)
        replay(search, table, budget=10)
        assert len(search.history.succeeded) == 5

    def test_random_search_needs_what_the_formula_says(self):
        rows, top, seeds = 27, 3, 200
        table = table_of(rows, top=top)
        found = [replay(search_on("random", table, s), table, budget=rows, enough=1) for s in range(seeds)]
        hits = [table.reached(done.rows) for done in found]
        assert np.mean(hits) == pytest.approx((rows + 1) / (top + 1), abs=4 * np.std(hits) / np.sqrt(seeds))
        assert abs(np.median(hits) - random_median(rows, top)) <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("random", ("random", {})),
        ("thompson:acquisition=ei", ("thompson", {"acquisition": "ei"})),
        ("evolution:population_size=5,sample_size=2", ("evolution", {"population_size": 5, "sample_size": 2})),
    ],
)
def test_methods_are_named_with_options(text, expected):
    assert parse_method(text) == expected


def test_an_option_without_a_value_is_refused():
    with pytest.raises(UserError, match="option 'size' has no value; write evolution:size="):
        parse_method("evolution:size")
