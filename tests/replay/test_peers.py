"""Other packages' searches on tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from peers.base import Peer, Suggestion
from places import HELPERS
from toy_tables import ALL, distance, table_of

from nni_nasplus import UserError
from nni_nasplus.replay.replay import replay
from nni_nasplus.search.search import Search
from nni_nasplus.search.strategy import make_strategy


class Stubborn(Peer):
    """Proposes what it is given, whatever it learns."""

    def __init__(self, table, proposals):
        super().__init__(table, 0)
        self.proposals, self.learned, self.forgotten = iter(proposals), [], 0

    def _suggest(self):
        return Suggestion(next(self.proposals))

    def _learn(self, suggestion, architecture, score):
        self.learned.append((architecture, score))

    def _forget(self, suggestion):
        self.forgotten += 1


class TestPeer:
    def test_a_repeat_is_answered_without_counting(self):
        table = table_of(len(ALL))
        a, b = table.pool.take([3, 8])
        peer = Stubborn(table, [a, a, a, b])
        assert replay(peer, table, budget=2).rows == [3, 8]
        assert [x for x, _ in peer.learned] == [a, a, a, b]
        assert {score for x, score in peer.learned if x == a} == {table.scores[3]}

    def test_a_repeat_of_what_is_in_training_is_forgotten(self):
        table = table_of(len(ALL))
        a, b = table.pool.take([3, 8])
        peer = Stubborn(table, [a, a, b])
        assert replay(peer, table, budget=2, batch=2).rows == [3, 8]
        assert (peer.forgotten, [x for x, _ in peer.learned]) == (1, [a, b])

    def test_repeats_without_end_lead_to_the_nearest_untried_rows(self):
        table = table_of(len(ALL))
        a = table.pool.take([3])[0]
        rows = replay(Stubborn(table, [a] * 1000), table, budget=5).rows
        assert len(set(rows)) == 5
        assert [distance(a, row) for row in table.pool.take(rows)] == [0, 1, 1, 1, 1]

    def test_a_proposal_outside_the_table_is_the_nearest_row_and_learned_as_that(self):
        table = table_of(10)
        outside = [a for a in ALL if table.pool.find(a) is None]
        peer = Stubborn(table, outside)
        rows = replay(peer, table, budget=4).rows
        assert len(set(rows)) == 4
        assert [x for x, _ in peer.learned] == table.pool.take(rows)
        assert distance(outside[0], peer.learned[0][0]) == min(distance(outside[0], row) for row in table.pool)


PEERS = {
    "nni_evolution": "nni",
    "nni_tpe": "nni",
    "optuna_tpe": "optuna",
    "optuna_gp": "optuna",
    "smac": "smac",
    "catboost": "catboost",
    "catboost_pool": "catboost",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_every_peer_searches_whole_spaces_and_pools_and_reproduces(name):
    """In a process of its own: SMAC's proposals depend on the order of its sets."""
    pytest.importorskip(PEERS[name])
    done = subprocess.run(
        [sys.executable, HELPERS / "replay_peer.py", name],
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    for first, again, other in json.loads(done.stdout.splitlines()[-1]):
        assert len(set(first)) == len(first) == 18
        assert first == again != other


@pytest.mark.parametrize("strategy", ["evolution", "random", "thompson"])
def test_a_strategy_proposes_the_same_through_optuna(strategy):
    """One at a time, where much or little of a table is tried."""
    pytest.importorskip("optuna")
    import peers

    for table in (table_of(len(ALL)), table_of(20)):
        direct = Search(table.space, make_strategy(strategy, {}), seed=4, direction=table.direction)
        through = peers.make_peer("sampler", table, 4, 18, {"strategy": strategy})
        rows = [replay(asker, table, budget=18, batch=1, enough=18, seed=4).rows for asker in (direct, through)]
        assert rows[0] == rows[1]


def test_an_unknown_peer_is_refused():
    import peers

    with pytest.raises(UserError, match="unknown peer 'magic'; peers: nni_evolution"):
        peers.make_peer("magic", table_of(5), 0, 5, {})
