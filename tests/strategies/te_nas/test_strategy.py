"""TE-NAS as a strategy: what is found comes first, the host hears of it, and it resumes."""

from __future__ import annotations

import json
import math
from typing import ClassVar

import numpy as np
import pytest
from digits_search import Digits
from te_nas_searches import NB201, SMALL, images
from torch.utils.data import DataLoader

from nni_nasplus import Search, UserError
from nni_nasplus.errors import HostLost
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.run.presearch import presearch
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.strategies.te_nas import TENAS, TeNas, networks_of
from nni_nasplus.strategies.te_nas.scoring import Scorer

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Pictures:
    """Stands in for an evaluator."""

    def data(self):
        return self

    def train_dataloader(self):
        return DataLoader(images(), 8)


class Host:
    """Hears of rounds; if it is lost, it hears the second one still."""

    def __init__(self, output, lost=False):
        self.output, self.lost, self.told = output, lost, []

    def intermediate(self, score, metrics):
        assert all(math.isfinite(value) for value in (score, *metrics.values()))
        self.told.append({"score": score, **metrics})
        if self.lost and len(self.told) == 2:
            raise HostLost

    def final(self, outcome):
        raise AssertionError("a search has no result to be ranked")


def rounds_in(folder):
    """What TensorBoard shows of an edge, and its pictures."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder)).Reload()
    return [event.value for event in found.Scalars("alive/cell_0_1")], [event.step for event in found.Images("cells")]


class TestStrategy:
    options: ClassVar = {"repeats": 1, **SMALL}

    def run(self, directory, seed=0, space=NB201, **options):
        run = Run(directory, Settings(strategy="tenas", strategy_options={**self.options, **options}, seed=seed))
        run.__dict__.update(space=space, evaluator=Pictures())
        return run

    def found(self, run, host=None):
        presearch(run, host)
        return run.ranking(NB201.search_space).architectures

    def test_what_is_found_comes_first_and_then_random_ones(self, tmp_path):
        run = self.run(tmp_path, seed=2)
        presearch(run)
        search = run.open_search()
        trials = [search.ask() for _ in range(4)]
        expected = fit(TENAS(networks_of(NB201), images(), seed=2, **self.options)).architectures[0]
        assert [trial.origin for trial in trials] == ["presearch", "random", "random", "random"]
        assert trials[0].architecture == expected
        assert len({NB201.genotype(trial.architecture) for trial in trials}) == 4

    def test_the_host_hears_of_every_round_and_its_tensorboard_shows_them(self, tmp_path, whole):
        host = Host(tmp_path / "trial")
        (found,) = self.found(self.run(tmp_path, repeats=2), host)
        assert NB201.genotype(found) == NB201.genotype(whole.architecture)
        assert [one["alive"] for one in host.told] == [18, 12, 6]
        assert [one["score"] for one in host.told] == [18 / 24, 12 / 24, 6 / 24]
        for number, one in enumerate(host.told):
            edges = [value for name, value in one.items() if name.startswith("alive/")]
            assert edges == whole.alive[number]
            scores = [scores for place, scores in whole.history if place == number]
            repeats = [scores[0], scores[len(scores) // 2]]
            assert one["kappa"] == pytest.approx(np.mean([each.kappa for each in repeats]))
            assert one["regions"] == np.mean([each.regions for each in repeats])
        for folder in (tmp_path / "tenas", tmp_path / "trial" / "tensorboard"):
            assert rounds_in(folder) == ([3, 2, 1], [1, 2, 3])

    @pytest.mark.system
    def test_the_host_of_a_resumed_search_hears_of_the_rounds_before_too(self, tmp_path):
        first, second = Host(tmp_path / "first", lost=True), Host(tmp_path / "second")
        with pytest.raises(HostLost):
            presearch(self.run(tmp_path, repeats=1), first)
        assert [one["alive"] for one in first.told] == [18, 12]
        presearch(self.run(tmp_path, repeats=1), second)
        assert [one["alive"] for one in second.told] == [18, 12, 6]
        assert second.told[0] == first.told[0]
        for folder in (tmp_path / "tenas", tmp_path / "second" / "tensorboard"):
            assert set(rounds_in(folder)[0]) == {3, 2, 1}

    def test_what_was_found_is_not_looked_for_again(self, tmp_path):
        kept = Ranking.of([dict.fromkeys(NB201.search_space.decisions, "nor_conv_3x3")], [0.0])
        (tmp_path / "presearch.json").write_text(json.dumps(kept.to_json(NB201.search_space)))
        assert self.found(self.run(tmp_path)) == kept.architectures
        assert [path.name for path in tmp_path.iterdir()] == ["presearch.json"]

    @pytest.mark.system
    def test_an_interrupted_search_goes_on_from_its_checkpoint(self, tmp_path, monkeypatch, whole):
        calls = []

        def stopping(self, *arguments, **options):
            calls.append(1)
            if len(calls) == 70:
                raise KeyboardInterrupt
            return scored(self, *arguments, **options)

        scored = Scorer.__call__
        monkeypatch.setattr(Scorer, "__call__", stopping)
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            presearch(self.run(tmp_path, repeats=2))
        calls[:] = [1] * 1000
        monkeypatch.setattr(Scorer, "__call__", lambda self, **o: calls.append(1) or scored(self, **o))
        (found,) = self.found(self.run(tmp_path, repeats=2))
        assert NB201.genotype(found) == NB201.genotype(whole.architecture)
        assert len(calls) - 1000 == 1 + 114 - 50

    def test_without_what_was_found_or_beyond_the_limits_all_are_random(self):
        assert Search(NB201.search_space, TeNas()).ask().origin == "random"
        ranking = Ranking.of([dict.fromkeys(NB201.search_space.decisions, "none")], [0.0])
        limited = Search(
            NB201.search_space, TeNas(), ranking=ranking, excess=lambda a: "none" if "none" in a.values() else None
        )
        assert limited.ask().origin == "random"

    def test_a_space_without_a_supernet_is_named_before_the_search(self):
        with pytest.raises(UserError, match="no supernet"):
            TeNas().check_space(Digits())
