"""The space of DenseNAS: connections and routes as published, and notations say what is built."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.spaces.densenas import CONNECTIONS, STAGES, DenseNasSpace
from nni_nasplus.spaces.densenas.connections import BLOCKS, END, chosen, route_of, stage_of
from nni_nasplus.spaces.densenas.plan import architecture_of, passed

FULL = DenseNasSpace(classes=1000, size=224)
SMALL = DenseNasSpace(channels=8, depth=2, size=16, **DenseNasSpace.recommended())


def routes(block=0):
    """Every way from a block to the end."""
    if block == END:
        return [[END]]
    return [[block, *rest] for source, target in CONNECTIONS if source == block for rest in routes(target)]


def sampled(space, seed):
    return space.search_space.sample(np.random.default_rng(seed))


def test_there_are_54_connections_of_at_most_four_blocks_and_one_stage():
    assert len(CONNECTIONS) == len(set(CONNECTIONS)) == 54
    for source in range(END):
        following = [target for start, target in CONNECTIONS if start == source]
        assert following == list(range(source + 1, source + 1 + len(following)))
        assert 1 <= len(following) <= 4
        assert all(0 <= stage_of(target) - stage_of(source) <= 1 for target in following)
        assert {FULL.macro.stride(source, target) for target in following} <= {1, 2}


def test_there_are_15456_routes_and_the_decisions_say_each_of_them_once():
    every = routes()
    assert len(every) == 15_456
    held = {"head_1_1": "mb3_3x3", "layers_1_1": 0}
    assert {tuple(route_of(chosen(route))) for route in every} == set(map(tuple, every))
    assert len({tuple(chosen(route)) for route in every}) == 15_456
    assert FULL.search_space.held(held).size * 6 * 259 == FULL.search_space.size


def test_the_space_has_as_many_networks_as_routes_and_operations_say():
    layers = 6 * sum(6**count for count in range(4))
    totals = dict.fromkeys(range(END), 0) | {END: 1}
    for source, target in reversed(CONNECTIONS):
        inside = 1 if target == END else 6 if stage_of(target) == len(STAGES) - 1 else layers
        totals[source] += inside * totals[target]
    assert FULL.search_space.size == totals[0]


def test_the_published_widths_are_of_seventeen_blocks():
    widths = [16, 24, 32, 40, 48, 56, 64, 72, 96, 112, 128, 160, 176, 192, 320, 352, 384, 1984]
    assert [FULL.macro.width(block) for block in range(END + 1)] == widths
    assert [SMALL.macro.width(block) * 4 for block in range(END + 1)] == widths


def test_densenas_c_has_the_published_counts():
    """361M multiply-adds in the paper, of what its code trains; parameters of that code's network."""
    architecture = FULL.parse_genotype("DenseNAS-C")
    with torch.device("meta"):
        network = FULL.build(architecture)
        assert count_flops(network, FULL.example()) / 2e6 == pytest.approx(361, abs=0.5)
        assert count_parameters(network) == 6_134_144
    assert FULL.genotype(architecture).startswith("24:mb6_3x3/48:mb6_7x7,mb3_3x3/72:")


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_a_genotype_names_one_network(seed):
    architecture = sampled(SMALL, seed)
    assert SMALL.parse_genotype(SMALL.genotype(architecture)) == architecture
    found = architecture_of(passed(architecture), SMALL.macro)
    assert list(found) == [name for name in architecture if name not in SMALL.hyperparameters]


def test_images_shrink_by_8_or_by_32():
    for size, stem, left in ((32, "cifar", 4), (64, "imagenet", 2), (224, "imagenet", 7)):
        space = DenseNasSpace(channels=4, depth=1, size=size)
        assert space.macro.stem == stem
        with torch.device("meta"):
            network = space.build(sampled(space, 0))
            x = network.stem(space.example())
            for block in network.blocks:
                x = block(x)
        assert x.shape[2:] == (left, left)


def test_after_the_first_block_alone_the_third_one_alone_is_out_of_reach():
    assert chosen([0, 1, 2, 6, 8, 11, 14, END])[:2] == [("first", None), ("later", None)]
    assert len(BLOCKS) == 6
    assert (2, 7) not in CONNECTIONS


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"channels": 3}, "channels is 3; use 4 or more"),
        ({"depth": 0}, "depth is 0"),
        ({"stem": "none"}, "stem is 'none'; choose cifar or imagenet"),
        ({"size": 0}, "size is 0"),
    ],
)
def test_sizes_that_cannot_be_are_named(arguments, says):
    with pytest.raises(UserError, match=says):
        DenseNasSpace(**arguments)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mb3_3x3", "'mb3_3x3' is no block"),
        ("7:mb3_3x3", "there is no block of 7 channels; there are those of 6, 8, 10"),
        ("6:mb3_3x3/28:mb3_3x3", "the block of 28 channels cannot follow the block of 6 channels"),
        (
            "6:mb3_3x3,mb3_3x3,mb3_3x3,mb3_3x3/8:mb3_3x3/14:mb3_3x3/24:mb3_3x3/40:mb3_3x3/80:mb3_3x3",
            "has 4 layers; use",
        ),
        ("DenseNAS-C", "DenseNAS-C has other widths than this space; use channels 32"),
    ],
)
def test_texts_that_are_no_genotype_are_refused(text, says):
    with pytest.raises(UserError, match=says):
        SMALL.parse_genotype(text)
