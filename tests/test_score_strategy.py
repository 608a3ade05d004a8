"""Training-free scores in a search: what is scored before it, as data, as a prior and as the order of trials."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau
from test_command import refused
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import SearchSpace, SearchSpaceExhausted, UserError, registry
from nni_nasplus.data.images import ImageBatch
from nni_nasplus.data.text import TextBatch
from nni_nasplus.predictors.score_prior import ScorePrior
from nni_nasplus.proxies import SCORES, FreshScore, random_batch, score_pool, untrained_network
from nni_nasplus.proxies.pool import training_examples
from nni_nasplus.search.ranking import DIRECTIONS, MOST, Ranking
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace, RecurrentCellSpace
from nni_nasplus.strategies import ThompsonSampling
from nni_nasplus.strategies.training_free import TrainingFree

cases = settings(max_examples=25, deadline=None, database=None)
GRID = SearchSpace({f"d{i}": list(range(4)) for i in range(5)})
NB201 = NasBench201Space(channels=4, cells=1, size=8)
SPACES = {
    "nb201": NB201,
    "darts": DartsSpace(channels=2, layers=2, size=8),
    "events": EventSequenceSpace(max_length=9, hidden=4),
    "rnn": RecurrentCellSpace(30, 8, 10, 1),
    "darts-rnn": DartsRecurrentSpace(30, 8, 1),
    "enas-rnn": EnasRecurrentSpace(30, 8),
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def sampled(space, count, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


class TestScoredArchitectures:
    def test_ranks_are_all_that_is_kept(self):
        drawn = sampled(GRID, 6)
        scored = Ranking.of(drawn, [math.nan, 2.0, math.inf, -math.inf, 1e9, 2.0])
        assert scored.architectures == [drawn[i] for i in (2, 4, 1, 5, 0, 3)]
        assert scored.ranks.tolist() == [1, 2, 3.5, 3.5, 5.5, 5.5]
        np.testing.assert_array_equal(Ranking.of(drawn, [0, 7, 9, 0, 8, 7]).ranks, scored.ranks)

    @pytest.mark.parametrize("name", SPACES)
    def test_they_travel_as_short_json(self, name):
        space = SPACES[name].search_space
        drawn = sampled(space, MOST)
        scored = Ranking.of(drawn, np.random.default_rng(0).normal(size=MOST))
        text = json.dumps(scored.to_json(space), allow_nan=False)
        read = Ranking.from_json(space, json.loads(text))
        assert read.architectures == scored.architectures
        assert [list(a) for a in read.architectures] == [list(a) for a in scored.architectures]
        np.testing.assert_array_equal(read.ranks, scored.ranks)
        assert len(text) * 4 / 3 < 100 * 2**10

    @pytest.mark.parametrize(
        "content",
        [
            "many",
            {},
            {"architectures": ["0"], "ranks": [1]},
            {"architectures": ["0 0 0 0 0 0"], "ranks": [1]},
            {"architectures": ["9 9 9 9 9"], "ranks": [1]},
            {"architectures": ["a a a a a"], "ranks": [1]},
            {"architectures": [[0] * 5], "ranks": [1]},
            {"architectures": ["0 0 0 0 0"], "ranks": ["first"]},
            {"architectures": ["0 0 0 0 0"], "ranks": []},
        ],
    )
    def test_what_is_not_of_the_space_is_named(self, content):
        with pytest.raises(UserError, match="'scored' holds"):
            Ranking.from_json(GRID, content)


class TestFreshScore:
    def test_it_is_a_function_of_the_architecture_alone(self):
        score, again = (FreshScore(NB201, "ntk", seed=3) for _ in range(2))
        cell, other = (NB201.search_space.sample(np.random.default_rng(seed)) for seed in range(2))
        random = torch.get_rng_state()
        torch.manual_seed(9)
        values = score(cell), score(other)
        torch.set_rng_state(random)
        assert (again(cell), again(other)) == values
        assert values[0] != values[1]
        assert min(values) >= 1

    @pytest.mark.parametrize("name", SCORES)
    def test_a_network_that_passes_nothing_on_has_the_worst_of_scores_or_none(self, name):
        cells = [dict.fromkeys(NB201.search_space.decisions, op) for op in ("none", "nor_conv_3x3")]
        score = FreshScore(NB201, name)
        nothing, full = (SCORES[name].utility(score(cell)) for cell in cells)
        assert not nothing > full


class TestScorePrior:
    def test_it_learns_the_order_of_architectures_that_were_not_scored(self):
        weights = np.random.default_rng(0).normal(size=(5, 4))

        def score(a):
            return float(np.exp(20 * sum(weights[i, v] for i, v in enumerate(a.values()))))

        drawn, new = sampled(GRID, 200), sampled(GRID, 200, seed=1)
        prior = ScorePrior(GRID, Ranking.of(drawn, [score(a) for a in drawn]))
        assert kendalltau(prior(new), [score(a) for a in new]).statistic > 0.8
        np.testing.assert_allclose(prior(new), [prior([a])[0] for a in new])

    @pytest.mark.parametrize("count", [0, 1, 30])
    def test_what_is_alike_says_nothing(self, count):
        drawn = sampled(GRID, count)
        opinions = ScorePrior(GRID, Ranking.of(drawn, [-math.inf] * count))(sampled(GRID, 40, seed=1))
        np.testing.assert_allclose(opinions, opinions[0], atol=1e-9)

    def test_a_proposal_with_it_takes_little_longer(self):
        drawn = sampled(GRID, MOST)
        option = Ranking.of(drawn, np.random.default_rng(0).normal(size=MOST)).to_json(GRID)
        strategies = ThompsonSampling(GRID), ThompsonSampling(GRID, scored=option)
        seconds = []
        for strategy in strategies:
            for i, architecture in enumerate(sampled(GRID, 30, seed=2)):
                if strategy.is_new(architecture):
                    strategy.tell(architecture, float(i % 7))
            times = []
            for _ in range(5):
                started = time.process_time()
                strategy.tell(strategy.ask(), 1.0)
                times.append(time.process_time() - started)
            seconds.append(min(times))
        assert seconds[1] < seconds[0] + 0.1


class TestTrainingFree:
    @staticmethod
    def strategy(seed=0, count=50, space=GRID, **options):
        drawn = sampled(space, count) if count else list(space)
        distinct = list({space.key(a): a for a in drawn}.values())
        scored = Ranking.of(distinct, [sum(a.values()) for a in distinct])
        return TrainingFree(space, seed=seed, scored=scored.to_json(space), **options)

    def test_the_best_of_the_pool_comes_first_and_then_random_ones(self):
        strategy = self.strategy(count=50)
        proposals = [strategy.propose() for _ in range(60)]
        scores = [sum(p.architecture.values()) for p in proposals if p.origin == "score"]
        assert len(scores) > 40
        assert scores == sorted(scores, reverse=True)
        assert [p.origin for p in proposals[len(scores) :]] == ["random"] * (60 - len(scores))

    def test_a_whole_space_is_proposed_in_its_order_and_exhausted(self):
        strategy = self.strategy(count=0)
        scores = []
        with pytest.raises(SearchSpaceExhausted):
            while True:
                scores.append(sum(strategy.ask().values()))
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == GRID.size

    @cases
    @given(st.integers(0, 99), st.integers(1, 60), st.integers(1, 30))
    def test_a_restored_one_goes_on(self, seed, asked, count):
        strategy = self.strategy(seed, count)
        for _ in range(asked):
            strategy.tell(strategy.ask(), 0.0)
        restored = self.strategy(seed, count)
        restored.load_state_dict(strategy.state_dict())
        assert [restored.ask() for _ in range(40)] == [strategy.ask() for _ in range(40)]

    def test_limits_are_kept_and_the_rest_of_the_space_is_found(self):
        strategy = self.strategy(count=100, feasible=lambda a: a["d0"] == 0 and a["d1"] == 3)
        found = {GRID.key(strategy.ask()) for _ in range(4**3)}
        assert len(found) == 4**3

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"pool": 0}, "pool is 0; use 1 or more"),
            ({"pool": 2.5}, "pool"),
            ({"score": "magic"}, "unknown score 'magic'; scores: ntk, "),
            ({"scored": [1]}, "'scored' holds no scored architectures"),
            ({"depth": 1}, "strategy 'score' has no option 'depth'"),
        ],
    )
    def test_bad_options_are_named(self, options, named):
        with pytest.raises(UserError, match=named):
            registry.make_strategy("score", GRID, seed=0, direction="maximize", options=options)


class Data:
    """Stands in for an evaluator and its data module."""

    def __init__(self, batches):
        self.batches = batches

    def data(self):
        return self

    def train_dataloader(self):
        return self.batches


def pictures(count=40):
    return torch.randn(count, 3, 8, 8, generator=generator(5))


def run_of(directory, space=NB201, batches=None, limits=None, **options):
    batches = [ImageBatch(pictures(), torch.arange(40) % 10)] if batches is None else batches
    settings = {"seed": 3, "options": options, "model_limits": limits}
    return SimpleNamespace(space=space, evaluator=Data(batches), directory=directory, settings=settings)


class TestExamples:
    def test_they_are_the_first_of_the_training_data_with_their_labels(self, tmp_path):
        batch = training_examples(run_of(tmp_path))
        assert torch.equal(batch.images, pictures()[:32]) and torch.equal(batch.label, torch.arange(32) % 10)

    def test_of_pairs_they_are_the_inputs(self, tmp_path):
        loader = DataLoader(TensorDataset(pictures(), torch.zeros(40)), 8)
        assert torch.equal(training_examples(run_of(tmp_path, batches=loader)), pictures()[:8])

    def test_of_a_text_they_are_columns_of_tokens(self, tmp_path):
        tokens = torch.randint(30, (7, 50), generator=generator())
        batch = training_examples(run_of(tmp_path, batches=[TextBatch(tokens, tokens, first=True)]))
        assert torch.equal(batch, tokens[:, :32])

    @pytest.mark.parametrize("batches", [[], [pictures(1)]])
    def test_too_few_are_named(self, tmp_path, batches):
        with pytest.raises(UserError, match="fewer than two examples"):
            training_examples(run_of(tmp_path, batches=batches))

    def test_equal_ones_are_named(self, tmp_path):
        with pytest.raises(UserError, match="are equal"):
            training_examples(run_of(tmp_path, batches=[torch.ones(4, 3, 8, 8)]))


class TestPool:
    @pytest.mark.parametrize("name", SPACES)
    def test_it_holds_distinct_architectures_ranked_by_the_score_of_fresh_networks(self, tmp_path, name):
        space = SPACES[name]
        batch = random_batch(space, 6, generator())
        loader = [TextBatch(batch, batch, first=True)] if "rnn" in name else [batch]
        scored = score_pool(run_of(tmp_path, space, loader), "grad_norm", 8)
        values = [
            SCORES["grad_norm"](untrained_network(space, a, 3), batch, generator(3)) for a in scored.architectures
        ]
        assert values == sorted(values, reverse=True)
        assert len({space.search_space.key(a) for a in scored.architectures}) == 8
        table = pd.read_csv(tmp_path / "scores.csv")
        assert sorted(table["grad_norm"], reverse=True) == pytest.approx(values)
        assert set(table["genotype"]) == {space.genotype(a) for a in scored.architectures}

    def test_lower_is_better_for_some(self, tmp_path):
        scored = score_pool(run_of(tmp_path), "ntk", 8)
        table = pd.read_csv(tmp_path / "scores.csv").set_index("genotype")["ntk"]
        values = [table[NB201.genotype(a)] for a in scored.architectures]
        assert values == sorted(values)

    def test_an_interrupted_one_goes_on(self, tmp_path, monkeypatch):
        calls = []

        def stopping(self, architecture):
            calls.append(NB201.genotype(architecture))
            if len(calls) == 5:
                raise KeyboardInterrupt
            return [math.inf, -math.inf, math.nan, 0.1][len(calls) % 4]

        with monkeypatch.context() as patch:
            patch.setattr(FreshScore, "__call__", stopping)
            whole = score_pool(run_of(tmp_path / "whole"), "naswot", 4)
            del calls[:]
            with pytest.raises(KeyboardInterrupt):
                score_pool(run_of(tmp_path / "cut"), "naswot", 8)
            assert score_pool(run_of(tmp_path / "cut"), "naswot", 4).architectures == whole.architectures
            assert len(calls) == 5
            score_pool(run_of(tmp_path / "cut"), "naswot", 8)
        assert len(calls) == 5 + 4 and calls[5:] == [calls[4], *calls[6:]]

    def test_a_host_hears_of_the_best_finite_score_so_far(self, tmp_path, monkeypatch):
        values = iter([math.inf, 3.0, math.nan, 2.0, 5.0])
        monkeypatch.setattr(FreshScore, "__call__", lambda self, architecture: next(values))
        heard = []
        reporter = SimpleNamespace(intermediate=heard.append)
        score_pool(run_of(tmp_path), "ntk", 5, reporter)
        assert heard == [{"default": best, "scored": n} for best, n in zip([3, 3, 2, 2], [2, 3, 4, 5], strict=True)]

    def test_a_small_space_is_scored_whole(self, tmp_path):
        space = SimpleNamespace(
            search_space=SearchSpace({"width": [1, 2, 3]}),
            build=lambda a: torch.nn.Linear(4, a["width"]),
            genotype=lambda a: str(a["width"]),
        )
        scored = score_pool(run_of(tmp_path, space, [pictures().flatten(1)[:, :4]]), "parameters", 50)
        assert scored.architectures == [{"width": width} for width in (3, 2, 1)]

    def test_limits_are_kept(self, tmp_path):
        scored = score_pool(run_of(tmp_path, limits={"parameters": 6000}), "parameters", 10)
        counts = [SCORES["parameters"](NB201.build(a), None) for a in scored.architectures]
        assert len(counts) == 10 and max(counts) <= 6000
        with pytest.raises(UserError, match="none of 40 random architectures keeps to the limits"):
            score_pool(run_of(tmp_path / "none", limits={"parameters": 1}), "parameters", 2)

    def test_a_score_that_tells_nothing_apart_is_warned_of(self, tmp_path):
        network = SimpleNamespace(
            search_space=GRID, build=lambda a: torch.nn.Linear(4, 2), genotype=lambda a: json.dumps(a)
        )
        with pytest.warns(UserWarning, match="naswot is -inf of all networks; try another score"):
            score_pool(run_of(tmp_path, network, [pictures().flatten(1)[:, :4]]), "naswot", 5)


class TestPreparation:
    options: ClassVar = {"score": "synflow", "pool": 12}

    @pytest.mark.parametrize("kind", [TrainingFree, ThompsonSampling])
    def test_the_options_hold_the_pool_and_are_plain(self, tmp_path, kind):
        options = json.loads(json.dumps(kind.prepare(run_of(tmp_path, **self.options)), allow_nan=False))
        best = score_pool(run_of(tmp_path), "synflow", 12).architectures[0]
        first = kind(NB201.search_space, **options).propose()
        assert (first.architecture, first.origin) == (best, "score")
        again = run_of(tmp_path / "never", **options)
        assert kind.needs_preparation(run_of(tmp_path, **self.options))
        assert not kind.needs_preparation(again)
        assert kind.prepare(again) == options
        assert not (tmp_path / "never").exists()

    def test_without_a_score_there_is_nothing_to_prepare(self, tmp_path):
        assert not ThompsonSampling.needs_preparation(run_of(tmp_path, n_initial=3))
        assert ThompsonSampling.prepare(run_of(tmp_path, n_initial=3)) == {"n_initial": 3}
        assert not list(tmp_path.iterdir())

    def test_no_more_is_handed_on_than_a_command_line_holds(self, tmp_path, monkeypatch):
        monkeypatch.setattr(FreshScore, "__call__", lambda self, a: float(list(a.values()).count("none")))
        options = TrainingFree.prepare(run_of(tmp_path, pool=400))
        assert len(options["scored"]["ranks"]) == MOST
        assert len(pd.read_csv(tmp_path / "scores.csv")) == 400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--strategy=score", "--strategy_options.score=magic"], "unknown score 'magic'; scores: ntk, "),
        (["--strategy=score", "--strategy_options.pool=0"], "pool is 0; use 1 or more"),
        (["--strategy=score", "--strategy_options.pool=many"], "cannot use its options {'pool': 'many'}"),
        (["--strategy=score", "--strategy_options.scored=x"], "'scored' holds no scored architectures"),
        (["--strategy=thompson", "--strategy_options.pool=20"], "pool has no effect without a score"),
        (["--strategy=thompson", "--strategy_options.score=[ntk]"], "cannot use its options {'score': ['ntk']}"),
    ],
)
def test_bad_options_end_the_command_before_anything_is_written(capsys, tmp_path, options, message):
    np.savez(tmp_path / "x.npz", x_train=np.zeros((9, 8, 8), np.uint8), y_train=np.arange(9) % 2)
    words = ["search", "--images", tmp_path / "x.npz", "--space=nb201", "--host=optuna", "--out", tmp_path / "run"]
    assert message in refused(capsys, *words, *options)
    assert not (tmp_path / "run").exists()


def test_scored_architectures_and_the_strategies_need_no_torch():
    code = (
        "import sys, nni_nasplus.search.ranking, nni_nasplus.strategies.training_free; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names_are_those_of_the_scores():
    assert list(SCORES) == list(DIRECTIONS)
    assert all(score.direction == DIRECTIONS[name] for name, score in SCORES.items())
