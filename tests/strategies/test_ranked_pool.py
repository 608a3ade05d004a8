"""A pool of architectures, ranked by a proxy on the first examples of a run's training data."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from pools import GRID, NB201, SPACES, pictures, run_of
from small_networks import generator
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.data.text import TextBatch
from nni_nasplus.proxies import UntrainedProxy, proxy_named, random_batch, untrained_network
from nni_nasplus.strategies.ranked_pool import ranked_pool, training_examples


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
    def test_it_holds_distinct_architectures_ranked_by_the_proxy_of_untrained_networks(self, tmp_path, name):
        space = SPACES[name]
        batch = random_batch(space, 6, generator())
        loader = [TextBatch(batch, batch, first=True)] if "rnn" in name else [batch]
        scored = ranked_pool(run_of(tmp_path, space, loader), "grad_norm", 8)
        values = [
            proxy_named("grad_norm")(untrained_network(space, a, 3), batch, generator(3)) for a in scored.architectures
        ]
        assert values == sorted(values, reverse=True)
        assert len({space.search_space.key(a) for a in scored.architectures}) == 8
        table = pd.read_csv(tmp_path / "proxies.csv")
        assert sorted(table["grad_norm"], reverse=True) == pytest.approx(values)
        assert set(table["genotype"]) == {space.genotype(a) for a in scored.architectures}

    def test_lower_is_better_for_some(self, tmp_path):
        scored = ranked_pool(run_of(tmp_path), "ntk", 8)
        table = pd.read_csv(tmp_path / "proxies.csv").set_index("genotype")["ntk"]
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
            patch.setattr(UntrainedProxy, "__call__", stopping)
            whole = ranked_pool(run_of(tmp_path / "whole"), "naswot", 4)
            del calls[:]
            with pytest.raises(KeyboardInterrupt):
                ranked_pool(run_of(tmp_path / "cut"), "naswot", 8)
            assert ranked_pool(run_of(tmp_path / "cut"), "naswot", 4).architectures == whole.architectures
            assert len(calls) == 5
            ranked_pool(run_of(tmp_path / "cut"), "naswot", 8)
        assert len(calls) == 5 + 4 and calls[5:] == [calls[4], *calls[6:]]

    def test_a_host_hears_of_the_best_finite_value_so_far(self, tmp_path, monkeypatch):
        values = iter([math.inf, 3.0, math.nan, 2.0, 5.0])
        monkeypatch.setattr(UntrainedProxy, "__call__", lambda self, architecture: next(values))
        heard = []
        reporter = SimpleNamespace(intermediate=lambda score, metrics: heard.append((score, metrics)))
        ranked_pool(run_of(tmp_path), "ntk", 5, reporter)
        assert heard == [(best, {"ranked": n}) for best, n in zip([3, 3, 2, 2], [2, 3, 4, 5], strict=True)]

    def test_a_small_space_is_ranked_whole(self, tmp_path):
        space = SimpleNamespace(
            search_space=SearchSpace({"width": [1, 2, 3]}),
            build=lambda a: torch.nn.Linear(4, a["width"]),
            genotype=lambda a: str(a["width"]),
        )
        scored = ranked_pool(run_of(tmp_path, space, [pictures().flatten(1)[:, :4]]), "parameters", 50)
        assert scored.architectures == [{"width": width} for width in (3, 2, 1)]

    def test_limits_are_kept(self, tmp_path):
        scored = ranked_pool(run_of(tmp_path, max_parameters=6000), "parameters", 10)
        counts = [proxy_named("parameters")(NB201.build(a), None) for a in scored.architectures]
        assert len(counts) == 10 and max(counts) <= 6000
        with pytest.raises(UserError, match="none of 40 random architectures keeps to the limits"):
            ranked_pool(run_of(tmp_path / "none", max_parameters=1), "parameters", 2)

    def test_a_proxy_that_tells_nothing_apart_is_warned_of(self, tmp_path):
        network = SimpleNamespace(
            search_space=GRID, build=lambda a: torch.nn.Linear(4, 2), genotype=lambda a: json.dumps(a)
        )
        with pytest.warns(UserWarning, match="naswot is -inf of all networks; try another proxy"):
            ranked_pool(run_of(tmp_path, network, [pictures().flatten(1)[:, :4]]), "naswot", 5)
