"""What every search inside one trial keeps to, also one from another package."""

from __future__ import annotations

import pytest
import torch
from one_shot_searches import LENGTHS, SPACES, Host, named, small, space_of
from te_nas_searches import images

from nni_nasplus import registry
from nni_nasplus.errors import HostLost
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.one_shot.fit import fit

NAMES = [*registry.available("one_shot"), "toy"]
every = named(NAMES, pytest.mark.system)
each_kind = named(NAMES, pytest.mark.slow)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
EPOCHS = 3


@pytest.fixture(scope="module")
def wholes():
    return {}


@pytest.fixture
def whole(name, wholes):
    """A search that was never interrupted: what it found, and what its host heard."""
    if name not in wholes:
        host = Host()
        wholes[name] = (fit(small(name, reporter=host)).architectures, host.told)
    return wholes[name]


def test_the_toy_comes_from_outside():
    assert "toy" in registry.available("one_shot")
    assert registry.load("one_shot", "toy").__module__ == "toy_one_shot"


@each_kind
def test_equal_seeds_find_equal_architectures_whatever_torch_drew_before(name, whole):
    torch.manual_seed(1234)
    host = Host()
    assert fit(small(name, reporter=host)).architectures == whole[0]
    assert host.told == whole[1]
    assert len(host.told) == LENGTHS.get(name, EPOCHS)
    other = Host()
    fit(small(name, seed=1, reporter=other))
    assert other.told != host.told


@each_kind
def test_torchs_generator_stays_as_it_is(name):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    fit(small(name))
    assert torch.equal(torch.rand(3), expected)


@each_kind
@pytest.mark.parametrize("epoch", [1, *(pytest.param(epoch, marks=pytest.mark.slow) for epoch in range(2, EPOCHS + 1))])
def test_a_search_resumed_at_any_epoch_goes_on_as_if_it_had_never_stopped(name, epoch, whole, tmp_path):
    with pytest.raises(HostLost):
        fit(small(name, reporter=Host(lost=epoch)), tmp_path)
    host = Host()
    assert fit(small(name, reporter=host), tmp_path).architectures == whole[0]
    assert host.told == whole[1]


@each_kind
def test_a_search_that_is_over_only_answers(name, whole, tmp_path):
    fit(small(name), tmp_path)
    host = Host()
    assert fit(small(name, reporter=host), tmp_path).architectures == whole[0]
    assert host.told == whole[1]


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
    (best, *_) = whole[0]
    assert space_of(name).search_space.validate(best) == best
    assert space_of(name).build(best)(images(count=2)).shape == (2, 3)


@each_kind
def test_the_rounds_are_shown(name, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(small(name, reporter=Host(output=tmp_path / "host")), tmp_path / "run")
    for folder in (tmp_path / "run", tmp_path / "host" / "tensorboard"):
        found = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
        assert [picture.step for picture in found.Images("cells")] == list(range(1, LENGTHS.get(name, EPOCHS) + 1))
