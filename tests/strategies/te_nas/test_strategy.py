"""TE-NAS as a strategy: what is found comes first, the host hears of it, and it resumes."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from digits_search import Digits
from te_nas_searches import NB201, SMALL, images
from torch.utils.data import DataLoader

from nni_nasplus import UserError
from nni_nasplus.errors import HostLost
from nni_nasplus.strategies.te_nas import TeNas
from nni_nasplus.strategies.te_nas.finding import TeNasSearch
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

    def intermediate(self, metrics):
        assert all(math.isfinite(value) for value in metrics.values())
        self.told.append(dict(metrics))
        if self.lost and len(self.told) == 2:
            raise HostLost

    def final(self, metrics):
        raise AssertionError("a search has no result to be ranked")


def rounds_in(folder):
    """What TensorBoard shows of an edge, and its pictures."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder)).Reload()
    return [event.value for event in found.Scalars("alive/cell_0_1")], [event.step for event in found.Images("cells")]


class TestStrategy:
    options: ClassVar = {"repeats": 1, **SMALL}

    def run(self, directory, seed=0, space=NB201, **options):
        settings = {"seed": seed, "options": {**self.options, **options}}
        return SimpleNamespace(space=space, evaluator=Pictures(), directory=directory, settings=settings)

    def test_what_is_found_comes_first_and_then_random_ones(self, tmp_path):
        options = TeNas.prepare(self.run(tmp_path, seed=2))
        strategy = TeNas(NB201.search_space, seed=2, **json.loads(json.dumps(options)))
        proposals = [strategy.propose() for _ in range(4)]
        expected = TeNasSearch(NB201, images(), **self.options)(2)
        assert [proposal.origin for proposal in proposals] == ["te-nas", "random", "random", "random"]
        assert proposals[0].architecture == expected
        assert len({NB201.genotype(p.architecture) for p in proposals}) == 4

    def test_the_host_hears_of_every_round_and_its_tensorboard_shows_them(self, tmp_path, whole):
        host = Host(tmp_path / "trial")
        options = TeNas.prepare(self.run(tmp_path, repeats=2), host)
        assert NB201.genotype(options["found"]) == NB201.genotype(whole.architecture)
        assert [one["alive"] for one in host.told] == [18, 12, 6]
        assert [one["default"] for one in host.told] == [18 / 24, 12 / 24, 6 / 24]
        for number, one in enumerate(host.told):
            edges = [value for name, value in one.items() if name.startswith("alive/")]
            assert edges == whole.alive[number]
            scores = [scores for place, scores in whole.history if place == number]
            repeats = [scores[0], scores[len(scores) // 2]]
            assert one["kappa"] == pytest.approx(np.mean([each.kappa for each in repeats]))
            assert one["regions"] == np.mean([each.regions for each in repeats])
        for folder in (tmp_path / "te_nas", tmp_path / "trial" / "tensorboard"):
            assert rounds_in(folder) == ([3, 2, 1], [1, 2, 3])

    def test_the_host_of_a_resumed_search_hears_of_the_rounds_before_too(self, tmp_path):
        first, second = Host(tmp_path / "first", lost=True), Host(tmp_path / "second")
        with pytest.raises(HostLost):
            TeNas.prepare(self.run(tmp_path, repeats=3), first)
        assert [one["alive"] for one in first.told] == [18, 12]
        TeNas.prepare(self.run(tmp_path, repeats=3), second)
        assert [one["alive"] for one in second.told] == [18, 12, 6]
        assert second.told[0] == first.told[0]
        for folder in (tmp_path / "te_nas", tmp_path / "second" / "tensorboard"):
            assert set(rounds_in(folder)[0]) == {3, 2, 1}

    def test_what_was_found_is_not_looked_for_again(self, tmp_path):
        run = self.run(tmp_path, found=dict.fromkeys(NB201.search_space.decisions, "nor_conv_3x3"))
        assert TeNas.prepare(run) == run.settings["options"]
        assert not list(tmp_path.iterdir())

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
            TeNas.prepare(self.run(tmp_path, repeats=2))
        calls[:] = [1] * 1000
        monkeypatch.setattr(Scorer, "__call__", lambda self, **o: calls.append(1) or scored(self, **o))
        found = TeNas.prepare(self.run(tmp_path, repeats=2))["found"]
        assert NB201.genotype(found) == NB201.genotype(whole.architecture)
        assert len(calls) - 1000 == 1 + 114 - 50

    def test_without_what_was_found_or_beyond_the_limits_all_are_random(self):
        assert TeNas(NB201.search_space).propose().origin == "random"
        found = dict.fromkeys(NB201.search_space.decisions, "none")
        strategy = TeNas(NB201.search_space, found=found, feasible=lambda a: "none" not in a.values())
        assert strategy.propose().origin == "random"

    def test_a_space_without_a_supernet_is_named_before_the_search(self, tmp_path):
        with pytest.raises(UserError, match="no supernet"):
            TeNas.prepare(self.run(tmp_path, space=Digits()))
