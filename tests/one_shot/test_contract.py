"""What every search inside one trial keeps to, also one from another package."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from one_shot_searches import DIFFERENTIABLE, LENGTHS, SPACES, Host, named, small, space_of
from te_nas_searches import images

from nni_nasplus import registry
from nni_nasplus.errors import HostLost
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.one_shot.pictures.road import ROAD, Road
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.spaces.images import NasBench201Space

NAMES = [*registry.available("one_shot"), "toy"]
every = named(NAMES, pytest.mark.system)
each_kind = named(NAMES, pytest.mark.slow)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
EPOCHS = 3


@dataclass(frozen=True)
class Whole:
    """A search that was never interrupted."""

    found: Ranking
    told: list[dict]
    folder: Path
    """Its own."""
    shown: Path
    """That of its host's pictures."""


@pytest.fixture(scope="module")
def wholes():
    return {}


@pytest.fixture
def whole(name, wholes, tmp_path_factory):
    """A search that was never interrupted, of every name one."""
    if name not in wholes:
        folder = tmp_path_factory.mktemp(name)
        host = Host(output=folder / "host")
        found = fit(small(name, reporter=host), folder / "run").architectures
        wholes[name] = Whole(found, host.told, folder / "run", folder / "host" / "tensorboard")
    return wholes[name]


def test_the_toy_comes_from_outside():
    assert "toy" in registry.available("one_shot")
    assert registry.load("one_shot", "toy").__module__ == "toy_one_shot"


@each_kind
def test_equal_seeds_find_equal_architectures_whatever_torch_drew_before_and_will_draw(name, whole):
    torch.manual_seed(1234)
    expected = torch.get_rng_state()
    host = Host()
    assert fit(small(name, reporter=host)).architectures == whole.found
    assert torch.equal(torch.get_rng_state(), expected)
    assert host.told == whole.told
    assert len(host.told) == LENGTHS.get(name, EPOCHS)


@each_kind
def test_other_seeds_find_their_way_otherwise(name, whole):
    host = Host()
    fit(small(name, seed=1, reporter=host))
    assert host.told != whole.told


@each_kind
@pytest.mark.parametrize("epoch", [1, *(pytest.param(epoch, marks=pytest.mark.slow) for epoch in range(2, EPOCHS + 1))])
def test_a_search_resumed_at_any_epoch_goes_on_as_if_it_had_never_stopped(name, epoch, whole, tmp_path):
    with pytest.raises(HostLost):
        fit(small(name, reporter=Host(lost=epoch)), tmp_path)
    host = Host()
    assert fit(small(name, reporter=host), tmp_path).architectures == whole.found
    assert host.told == whole.told


@each_kind
def test_a_search_that_is_over_only_answers(name, whole, tmp_path, monkeypatch):
    folder = shutil.copytree(whole.folder, tmp_path / "run")
    host = Host()
    search = small(name, reporter=host)

    def trains(self, *arguments):
        raise AssertionError("it is over")

    monkeypatch.setattr(type(search), "training_step", trains)
    assert fit(search, folder).architectures == whole.found
    assert host.told == whole.told


@named([name for name in NAMES if name not in SPACES], pytest.mark.system)
def test_an_operation_that_is_pruned_is_never_called(name):
    search, called = small(name), set()
    supernets = [module for module in search.modules() if isinstance(module, Supernet)]
    for supernet in supernets:
        if "nor_conv_1x1" in supernet.alive(supernet.edges[0]):
            supernet.prune(supernet.edges[0], "nor_conv_1x1")
        for place, module in supernet.named_modules():
            module.register_forward_hook(lambda *_, place=place: called.add(place))
    fit(search)
    edges = {number for number in range(6) for place in called if f"edges.{number}.operations.nor_conv_1x1" in place}
    assert supernets
    assert edges == {1, 2, 3, 4, 5}


@every
def test_what_is_found_is_in_the_space_and_builds(name, whole):
    (best, *_) = whole.found
    assert space_of(name).search_space.validate(best) == best
    assert space_of(name).build(best)(images(count=2)).shape == (2, 3)


@each_kind
def test_what_the_space_holds_is_in_all_that_is_found(name):
    held = {"op_0_1": "nor_conv_3x3", "op_1_3": "skip_connect"}
    found = fit(small(name, space=NasBench201Space(2, 1, classes=3, size=6, fixed=held))).architectures
    assert all(held.items() <= one.items() for one in found)


@each_kind
def test_the_rounds_are_shown(name, whole):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for folder in (whole.folder, whole.shown):
        found = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
        assert [picture.step for picture in found.Images("cells")] == list(range(1, LENGTHS.get(name, EPOCHS) + 1))
    assert (whole.folder / ROAD).exists() == (name in DIFFERENTIABLE)


def test_the_road_leads_to_what_is_found_also_where_the_search_was_interrupted(tmp_path):
    for epochs in (1, EPOCHS):
        search = small("darts")
        search.epochs = epochs
        found = fit(search, tmp_path).architectures
    road = Road.load(tmp_path / ROAD)
    assert [stage["epoch"] for stage in road.stages] == list(range(1, EPOCHS + 1))
    assert road.stages[-1]["architecture"] == found[0]
    (rows,) = road.stages[0]["weights"].values()
    assert [len(row) for row in rows] == [len(road.operations)] * len(next(iter(road.edges.values())))
    assert all(abs(sum(row) - 1) < 0.01 for row in rows)
