"""The space of a table's rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_tables import ALL, STRATEGIES, WHOLE, distance, pool_of

from nni_nasplus import Journal, Search, SearchSpace, SearchSpaceExhausted, UserError
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.search.table_space import TableSpace


class TestTableSpace:
    @settings(deadline=None, max_examples=50)
    @given(st.integers(2, len(ALL)), st.integers(0, 100))
    def test_it_has_its_rows_and_nothing_else(self, count, seed):
        pool, rng = pool_of(count, seed), np.random.default_rng(seed)
        rows = list(pool)
        assert pool.size == len(pool) == len(rows) == count
        assert [pool.row(row) for row in rows] == list(range(count))
        assert {pool.key(pool.sample(rng)) for _ in range(300)} <= {WHOLE.key(row) for row in rows}
        for outside in ALL:
            if outside not in rows:
                assert pool.find(outside) is None
                with pytest.raises(UserError, match=f"none of the {count}"):
                    pool.validate(outside)

    @settings(deadline=None, max_examples=50)
    @given(st.integers(2, len(ALL)), st.integers(0, 100))
    def test_neighbours_are_the_ten_nearest_others(self, count, seed):
        pool, rng = pool_of(count, seed), np.random.default_rng(seed)
        row = pool.sample(rng)
        near = list(pool.neighbours(row, rng))
        others = sorted(distance(row, other) for other in pool if other != row)
        assert [distance(row, other) for other in near] == others[:10]
        assert len({pool.key(n) for n in near}) == len(near)
        assert distance(row, pool.mutate(row, rng)) in others[:10]

    def test_codes_and_keys_are_those_of_the_whole_space(self):
        pool = pool_of(12)
        for row in pool:
            assert pool.key(row) == WHOLE.key(row)
            np.testing.assert_array_equal(pool.encode(row), WHOLE.encode(row))

    def test_rows_may_be_named_with_inactive_decisions(self):
        pool = TableSpace(WHOLE, [{"op": "c", "heads": 4, "skip": False, "width": 8}, ALL[0]])
        canonical = {"op": "c", "skip": False, "width": 8}
        assert pool.validate({"width": 8, "op": "c", "skip": False, "heads": 1}) == canonical

    def test_every_row_is_sampled_alike(self):
        pool, rng = pool_of(5), np.random.default_rng(0)
        counts = np.bincount([pool.row(pool.sample(rng)) for _ in range(5000)])
        assert abs(counts - 1000).max() < 120

    def test_it_survives_json_and_is_not_mistaken_for_the_whole(self):
        pool = pool_of(6)
        restored = TableSpace.from_json(json.loads(json.dumps(pool.to_json())))
        assert list(restored) == list(pool)
        assert restored == pool != WHOLE
        with pytest.raises(UserError, match="_rows"):
            SearchSpace.from_json(pool.to_json())
        with pytest.raises(UserError, match="no rows"):
            TableSpace.from_json(WHOLE.to_json())

    def test_bad_tables_are_refused(self):
        with pytest.raises(UserError, match="no architecture"):
            TableSpace(WHOLE, [])
        with pytest.raises(UserError, match="rows 0 and 2"):
            TableSpace(WHOLE, [ALL[0], ALL[1], ALL[0]])
        with pytest.raises(UserError, match="one architecture only"):
            TableSpace(WHOLE, [ALL[0]]).mutate(ALL[0], np.random.default_rng(0))

    @pytest.mark.parametrize("name", STRATEGIES)
    def test_every_strategy_finds_every_row_once(self, name):
        pool = pool_of(17)
        search, asked = Search(pool, make_strategy(name, {}), seed=1), []
        with pytest.raises(SearchSpaceExhausted):
            while True:
                trial = search.ask()
                asked.append(pool.row(trial.architecture))
                search.tell(trial, float(asked[-1]))
        assert sorted(asked) == list(range(17))

    @pytest.mark.parametrize("name", STRATEGIES)
    def test_every_search_goes_on_over_it(self, name, tmp_path):
        def opened():
            journal = Journal.at(tmp_path / "j.jsonl", pool_of(25), direction="minimize")
            return Search(pool_of(25), make_strategy(name, {}), seed=3, direction="minimize", journal=journal)

        search = opened()
        for i in range(14):
            search.tell(search.ask(), float(i % 5))
        search.journal.close()
        restored = opened()
        assert restored.history.trials == search.history.trials
        assert restored.propose() == search.propose()
