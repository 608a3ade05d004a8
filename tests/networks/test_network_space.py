"""What every space of networks gives: decisions, networks, and the arguments of its own constructor."""

from __future__ import annotations

import json
from inspect import signature

import nni
import numpy as np
import pytest
import torch
from nni.mutable import ensure_frozen
from nni.nas.strategy import DARTS, RandomOneShot
from space_sizes import SIZES
from torch import nn

from nni_nasplus import UserError, registry
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace

every = pytest.mark.parametrize("name", SIZES)


def weights(network: nn.Module) -> list[torch.Tensor]:
    return list(network.state_dict().values())


class Tenfold(DartsSpace):
    """Of the constructor that it inherits."""


class Scaled(NetworkSpace):
    """A space of one decision whose network is the module itself, as NNI's own examples write it."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(2, ensure_frozen(self.add_mutable(nni.choice("width", [3, 4]))), bias)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.linear(inputs)


def test_every_installed_space_is_looked_at():
    assert set(SIZES) == set(registry.available("spaces"))


@every
def test_a_space_that_is_only_searched_has_no_weights(name):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    space = registry.load("spaces", name)(**SIZES[name])
    assert weights(space) == []
    assert torch.equal(torch.get_rng_state(), before)


@every
def test_a_space_that_is_run_shows_the_network_of_the_first_choices(name):
    space = registry.load("spaces", name)(**SIZES[name])
    first = space.search_space.validate({name: choices[0] for name, choices in space.search_space.decisions.items()})
    torch.manual_seed(0)
    shown = space.eval()(space.example())
    torch.manual_seed(0)
    expected = space.build(first).eval()(space.example())
    logits = [output[0] if isinstance(output, tuple) else output for output in (shown, expected)]
    assert torch.equal(*logits)


@every
def test_a_frozen_space_has_the_weights_that_build_draws(name):
    space = registry.load("spaces", name)(**SIZES[name])
    architecture = space.search_space.sample(np.random.default_rng(3))
    torch.manual_seed(5)
    built = space.build(architecture)
    torch.manual_seed(5)
    frozen = space.freeze(architecture).net
    assert type(frozen) is type(built)
    assert all(torch.equal(a, b) for a, b in zip(weights(frozen), weights(built), strict=True))


@every
def test_nni_reads_the_decisions_that_the_space_has(name):
    space = registry.load("spaces", name)(**SIZES[name])
    read, own = SearchSpace.from_nni(space), space.search_space
    assert (read.decisions, read.conditions) == (own.decisions, own.conditions)


@every
def test_a_space_shows_the_arguments_of_its_constructor(name):
    kind = registry.load("spaces", name)
    assert set(SIZES[name]) < set(signature(kind).parameters)
    assert kind(**SIZES[name]).trace_kwargs == SIZES[name]


def test_an_inherited_constructor_shows_its_arguments():
    assert signature(Tenfold) == signature(DartsSpace)
    assert Tenfold(3, layers=2).trace_kwargs == {"channels": 3, "layers": 2}


def test_a_module_of_nnis_own_is_its_network():
    space = Scaled(bias=False)
    assert space.search_space == SearchSpace({"width": [3, 4]})
    assert list(signature(Scaled).parameters) == ["bias"]
    assert space.build({"width": 4}).linear.weight.shape == (4, 2)
    assert space.build({"width": 4}).linear.bias is None
    with pytest.raises(UserError, match="'width' cannot be 5"):
        space.build({"width": 5})


def test_a_space_without_a_supernet_leaves_nnis_one_shot_strategies_alone():
    assert Scaled().extra_oneshot_hooks(DARTS()) == []


@pytest.mark.filterwarnings("ignore")
def test_nnis_darts_searches_the_layers_of_events_and_random_one_shot_does_not():
    space = EventSequenceSpace(**SIZES["events"])
    (hook,) = space.extra_oneshot_hooks(DARTS())
    mixed = hook(space.net, "net", {}, {"softmax": nn.Softmax(-1)})
    assert mixed(space.example()).shape == (1, 2)
    found = mixed.export({})
    assert space.search_space.validate(found) == found
    with pytest.raises(UserError, match="use DARTS or GumbelDARTS"):
        RandomOneShot().mutate_model(space)


def test_a_space_writes_and_reads_its_decisions():
    space = Scaled()
    assert json.loads(space.genotype({"width": 4})) == {"width": 4}
    assert space.parse_genotype('{"width": 4}') == {"width": 4}
    with pytest.raises(UserError, match="no JSON object"):
        space.parse_genotype("4 wide")
