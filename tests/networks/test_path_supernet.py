"""Supernets of every decision: a path is the stand-alone network, and what is not on it is not touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from event_examples import SHAPE, random_batch, with_rubbish
from event_path_space import event_space
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from nni_nasplus import UserError
from nni_nasplus.networks.path_supernet import PathSupernet

SPACE = event_space(cells=["lstm"])
SUPERNET = SPACE.path_supernet().eval()
BATCH = random_batch(SHAPE, 3, 9)
EQUAL = {"rtol": 1e-5, "atol": 1e-5}


def drawn(seed, space=SPACE):
    return space.search_space.sample(np.random.default_rng(seed))


def alone(supernet: PathSupernet, space, architecture):
    """The network that the space builds, with the weights of the path."""
    network = space.build(architecture).eval()
    network.load_state_dict(supernet.network_of(architecture).state_dict())
    return network


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 2**32))
def test_a_path_computes_what_the_stand_alone_network_with_its_weights_does(seed):
    architecture = drawn(seed)
    with torch.no_grad(), SUPERNET.only(architecture):
        expected = alone(SUPERNET, SPACE, architecture)(BATCH)
        assert_close(SUPERNET(BATCH), expected, **EQUAL)
        assert_close(SUPERNET(with_rubbish(BATCH, 3)), expected, **EQUAL)
    assert_close(SUPERNET(BATCH, SUPERNET.path(architecture)), expected, **EQUAL)


@pytest.mark.parametrize(("cardinalities", "n_numeric"), [((), 3), ((30, 12), 0), ((), 0)])
def test_so_it_does_where_columns_of_a_kind_are_missing(cardinalities, n_numeric):
    shape = replace(SHAPE, cardinalities=cardinalities, n_numeric=n_numeric)
    space, batch = event_space(shape), random_batch(shape, 3, 9)
    supernet = space.path_supernet().eval()
    for seed in range(4):
        architecture = drawn(seed, space)
        with supernet.only(architecture):
            assert_close(supernet(batch), alone(supernet, space, architecture)(batch), **EQUAL)


def test_what_is_not_on_the_path_has_no_gradient():
    space = event_space()
    supernet, architecture = space.path_supernet(), space.parse_genotype("21|0|ac2,g|44|00")
    supernet(BATCH, supernet.path(architecture)).square().sum().backward()
    moved = {name.removeprefix("bank.") for name, weight in supernet.named_parameters() if weight.grad is not None}
    shared = supernet.bank.sharing(supernet.network_of(architecture))
    places = {one.place.name.replace(".", "/") for one in shared}
    assert moved == {name for name in moved if name in places}
    assert {name.split()[-1] for name in moved if "/split/" in name} == {"ac", "g"}
    assert not [name for name in moved if name.startswith(("temporal", "encoder/2", "decoder/layers/1", "head/pool"))]


def test_a_narrow_attention_is_the_first_heads_and_channels_of_the_wide_one():
    wide, narrow = (
        f"00|0|a{heads}||00 width={width} hidden={hidden}" for heads, width, hidden in [(8, 32, 8), (2, 24, 4)]
    )
    whole, part = (SUPERNET.network_of(SPACE.parse_genotype(text)).encoder[0].split.ops[0] for text in (wide, narrow))
    by_head = [attention.qkv.weight.unflatten(0, (3, *attention.heads)) for attention in (whole, part)]
    assert torch.equal(by_head[0][:, :2, :4, :24], by_head[1])
    assert torch.equal(
        whole.out.weight.unflatten(1, whole.heads)[:24, :2, :4], part.out.weight.unflatten(1, part.heads)
    )


def test_paths_have_the_first_learning_rate_and_whatever_is_held():
    supernet = SPACE.path_supernet(encoder_layers=2, width=0)
    rng = np.random.default_rng(0)
    found = [
        supernet.derive({"decisions": torch.from_numpy(rng.random(supernet.masks["decisions"].shape))})
        for _ in range(20)
    ]
    assert all(SPACE.search_space.validate(one) == one for one in found)
    assert {(one["learning_rate"], one["encoder_layers"], one["width"]) for one in found} == {(0.01, 2, 0)}
    assert len({one["pooling"] for one in found}) > 2


def test_a_size_that_is_no_decision_is_that_of_the_networks():
    assert SPACE.path_supernet(poolings=["max"]).derive()["pooling"] == "max"
    with pytest.raises(UserError, match=r"^unknown decision 'depth'; decisions: "):
        SPACE.path_supernet(depth=3)


def test_mixtures_of_choices_are_refused():
    with pytest.raises(UserError, match=r"^this supernet computes one path at a time; search it by paths, as spos"):
        SUPERNET(BATCH)
