"""What the strategies that use a score prepare before a search."""

from __future__ import annotations

import json
from typing import ClassVar

import pandas as pd
import pytest
from pools import NB201, run_of

from nni_nasplus.proxies import FreshScore, score_pool
from nni_nasplus.search.ranking import MOST
from nni_nasplus.strategies import ThompsonSampling
from nni_nasplus.strategies.training_free import TrainingFree


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
