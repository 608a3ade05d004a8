"""What a strategy looks for before the first trial is kept once, and found by every process of the search."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from pools import NB201, run_of

from nni_nasplus import UserError
from nni_nasplus.proxies import UntrainedProxy
from nni_nasplus.run.presearch import needs_presearch, presearch
from nni_nasplus.strategies.ranked_pool import ranked_pool

OPTIONS = {"proxy": "synflow", "pool": 12}


@pytest.mark.parametrize("name", ["proxy", "thompson"])
def test_the_ranking_is_kept_once_and_begins_the_search(tmp_path, name):
    run = run_of(tmp_path, strategy=name, strategy_options=OPTIONS)
    assert needs_presearch(run)
    presearch(run)
    assert not needs_presearch(run)
    best = ranked_pool(run_of(tmp_path), "synflow", 12).architectures[0]
    trial = run.open_search().ask()
    assert (trial.architecture, trial.origin) == (best, "presearch")
    kept = (tmp_path / "presearch.json").read_bytes()
    (tmp_path / "proxies.csv").unlink()
    presearch(run)
    assert (tmp_path / "presearch.json").read_bytes() == kept
    assert not (tmp_path / "proxies.csv").exists()


def test_without_a_proxy_there_is_nothing_to_look_for(tmp_path):
    run = run_of(tmp_path, strategy_options={"n_initial": 3})
    assert not needs_presearch(run)
    presearch(run)
    assert not list(tmp_path.iterdir())
    assert run.ranking(NB201.search_space) is None


def test_a_large_pool_is_kept_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(UntrainedProxy, "__call__", lambda self, a: float(list(a.values()).count("none")))
    presearch(run_of(tmp_path, strategy="proxy", strategy_options={"pool": 400}))
    ranks = json.loads((tmp_path / "presearch.json").read_text())["ranks"]
    assert len(ranks) == len(pd.read_csv(tmp_path / "proxies.csv")) == 400


def test_a_ranking_of_another_space_is_named(tmp_path):
    (tmp_path / "presearch.json").write_text(json.dumps({"architectures": [{"op": "z"}], "ranks": [1.0]}))
    with pytest.raises(UserError, match="'op'"):
        run_of(tmp_path).ranking(NB201.search_space)
