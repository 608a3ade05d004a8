"""The mobile space: published networks have the published counts, and notations say what is built."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.spaces.mobile import PUBLISHED, MobileGenotype, MobileMacro, MobileSpace
from nni_nasplus.spaces.mobile.published import named

COUNTS = {
    "MobileNetV2": (3_504_872, 300.8),
    "MnasNet-A1": (3_887_038, 312),
    "MnasNet-B1": (4_383_312, 314),
    "ProxylessNAS-mobile": (4_080_512, 320),
    "ProxylessNAS-cpu": (4_361_648, 439),
    "ProxylessNAS-gpu": (7_119_848, 465),
    "FBNet-C": (5_572_200, 385),
}
"""Parameters, and millions of multiply-adds at 224 pixels. MobileNetV2 and MnasNet-B1: torchvision (.301 and .314
GFLOPS there); MnasNet-A1: 3.9M and 312M in its paper, parameters of timm's semnasnet_100; ProxylessNAS: parameters of
pytorchcv, multiply-adds of mobile in its paper (320M); FBNet-C: parameters of timm's fbnetc_100, whose network has 385M
where the paper says 375M."""
FULL = MobileSpace(classes=1000, size=224)
SMALL = MobileSpace(channels=8, depth=2, size=16, **MobileSpace.recommended())


def sampled(space, seed):
    return space.search_space.sample(np.random.default_rng(seed))


def test_every_published_network_is_counted():
    assert set(COUNTS) == set(PUBLISHED)


@pytest.mark.parametrize("name", COUNTS)
def test_published_networks_have_the_published_counts(name):
    parameters, millions = COUNTS[name]
    with torch.device("meta"):
        network = FULL.build_genotype(name)
        assert count_parameters(network) == parameters
        assert count_flops(network, FULL.example()) / 2e6 == pytest.approx(millions, abs=0.5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_is_written_and_read(name):
    assert MobileGenotype.parse(str(named(name))) == named(name)


def test_the_network_of_proxylessnas_for_phones_is_in_the_space():
    architecture = FULL.parse_genotype("ProxylessNAS-mobile")
    with torch.device("meta"):
        assert count_parameters(FULL.build(architecture)) == 4_080_512
    assert [architecture[f"depth_{stage}"] for stage in range(1, 6)] == [2, 4, 4, 4, 4]
    with pytest.raises(UserError, match="MnasNet-A1 has other widths or stages than this space"):
        FULL.parse_genotype("MnasNet-A1")
    with pytest.raises(UserError, match="other widths"):
        SMALL.parse_genotype("ProxylessNAS-mobile")


def test_the_space_has_as_many_networks_as_depths_and_operations_say():
    stage = sum(12**depth for depth in range(1, 5))
    assert FULL.search_space.size == stage**5 * 12
    assert MobileSpace(squeeze=False, depth=1).search_space.size == 6**6


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_a_genotype_names_one_network(seed):
    architecture = sampled(SMALL, seed)
    assert SMALL.parse_genotype(SMALL.genotype(architecture)) == architecture


@given(st.floats(0.1, 2.0), st.integers(4, 64), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_channels_are_multiples_of_eight_and_never_a_tenth_fewer_than_asked_for(width, channels, depth):
    layers = MobileMacro(channels, depth, width).places
    for layer, asked in zip([layer for layer in layers if layer.number == 1], (32, 40, 80, 96, 192, 320), strict=True):
        assert layer.n_out % 8 == 0
        assert layer.n_out >= 0.9 * asked * width * channels / 32


def test_images_shrink_by_8_or_by_32():
    for size, stem, left in ((32, "cifar", 4), (64, "imagenet", 2), (224, "imagenet", 7)):
        space = MobileSpace(channels=8, depth=1, size=size)
        assert space.macro.stem == stem
        with torch.device("meta"):
            network = space.build(sampled(space, 0))
            x = network.stem(space.example())
            for block in network.blocks:
                x = block(x)
        assert x.shape[2:] == (left, left)


def test_a_searched_width_makes_networks_of_other_sizes():
    first = sampled(SMALL, 0)
    sizes = [count_parameters(SMALL.build({**first, "width": width})) for width in (0.75, 1.0, 1.25)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"width": 0.0}, "width is 0.0; use more than 0"),
        ({"stem": "none"}, "stem is 'none'; choose cifar or imagenet"),
        ({"hyperparameters": {"width": [1.0, -1.0]}}, "width is -1.0"),
    ],
)
def test_sizes_that_cannot_be_are_named(arguments, says):
    with pytest.raises(UserError, match=says):
        MobileSpace(**arguments)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mb3_3x3", "there are 1 stages"),
        ("mb3_3x3/mb3_3x3,mb3_3x3,mb3_3x3/mb3_3x3/mb3_3x3/mb3_3x3/mb3_3x3", "stage 2 has 3 blocks; use 1 to 2"),
        ("mb3_3x3/mb9_3x3/mb3_3x3/mb3_3x3/mb3_3x3/mb3_3x3", "mb9_3x3"),
    ],
)
def test_texts_that_are_no_genotype_are_refused(text, says):
    with pytest.raises(UserError, match=says):
        SMALL.parse_genotype(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [("MobileNet", "unknown network 'MobileNet'"), ("32 mb6_4x4:8 9", "'mb6_4x4' is no block"), ("a b c", "no mobile")],
)
def test_networks_that_are_none_are_refused(text, says):
    with pytest.raises(UserError, match=says):
        SMALL.build_genotype(text)
