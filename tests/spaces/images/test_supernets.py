"""Supernets of images: published counts, norms, and that they derive as published."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from supernets import DARTS_SPACE, darts, events, nasbench201, random_weights
from torch import nn

from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.spaces.images import (
    ChainMacro,
    DartsSupernet,
    Macro,
    NasBench201Supernet,
)
from nni_nasplus.spaces.images.operations import FactorizedReduce


@pytest.mark.parametrize(
    ("channels", "layers", "parameters"),
    [(16, 8, 1_930_618), (8, 8, 597_890), (8, 5, 394_210), (4, 5, 136_182), (4, 3, 72_854)],
)
def test_darts_supernets_have_the_published_parameters(channels, layers, parameters):
    with torch.device("meta"):
        supernet = DartsSupernet(Macro(channels, layers))
    assert count_parameters(supernet) == parameters
    assert [tuple(mask.shape) for mask in supernet.masks.values()] == [(14, 8), (14, 8)]


def test_te_nas_networks_have_the_published_parameters():
    kernel = NasBench201Supernet(ChainMacro(channels=3, cells=1))
    assert count_parameters(kernel) + 30 == 14_707
    assert sum(p.numel() for name, p in kernel.named_parameters() if "weight" in name) == 14_364
    regions = NasBench201Supernet(ChainMacro(channels=1, cells=1, in_channels=1, stages=1, stem=False))
    stem = nn.Sequential(nn.Conv2d(1, 1, 3, bias=False), nn.BatchNorm2d(1))
    assert count_parameters(regions) + count_parameters(stem) + 30 == 147
    units = []
    for module in regions.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, __, output: units.append(output[0].numel()))
    regions(torch.randn(2, 1, 3, 3))
    assert sum(units) == 117


def test_darts_searches_with_batch_norms_without_weights_and_after_pools():
    cells = darts().net.cells
    assert all(not m.affine for m in cells.modules() if isinstance(m, nn.BatchNorm2d))
    assert darts(affine=True).net.cells[0].preprocess.last[2].affine
    for cell in cells:
        for edge in cell.edges:
            assert list(edge.operations) == ["none", *DARTS_SPACE.search_space.decisions["normal_op0a"]]
            assert all(
                isinstance(edge.operations[pool][1], nn.BatchNorm2d) for pool in ("max_pool_3x3", "avg_pool_3x3")
            )
    skips = [cell.edges[e].operations["skip_connect"] for cell in cells if cell.kind == "reduce" for e in range(14)]
    halving = {e for e, skip in enumerate(skips[:14]) if isinstance(skip, FactorizedReduce)}
    assert halving == {0, 1, 2, 3, 5, 6, 9, 10}


def naive_darts(weights: dict[str, torch.Tensor]) -> dict[str, list[set[tuple[str, int]]]]:
    """Per node the two edges whose best operation but none has the largest share, in plain loops."""
    names = ["none", *DARTS_SPACE.search_space.decisions["normal_op0a"]]
    found = {}
    for kind, shares in weights.items():
        rows, nodes = shares.tolist(), []
        for node in range(4):
            start = sum(range(2, node + 2))
            edges = [max(zip(rows[start + j][1:], names[1:], strict=True), key=lambda x: x[0]) for j in range(node + 2)]
            ranked = sorted(range(node + 2), key=lambda j: edges[j][0], reverse=True)[:2]
            nodes.append({(edges[j][1], j) for j in ranked})
        found[kind] = nodes
    return found


@settings(max_examples=50, deadline=None, database=None)
@given(st.integers(0, 2**32))
def test_darts_derives_as_published(seed):
    weights = random_weights(DERIVED, seed)
    architecture = DERIVED.derive(weights)
    assert architecture == DERIVED.derive(weights)
    assert DARTS_SPACE.search_space.validate(architecture) == architecture
    found = {}
    for kind, text in zip(("normal", "reduce"), DARTS_SPACE.genotype(architecture).split("/"), strict=True):
        cell = DARTS_SPACE.parse_genotype(f"{text}/{text}")
        pairs = [(cell.get(f"normal_from{node}", "0,1").split(","), node) for node in range(4)]
        found[kind] = [
            {(cell[f"normal_op{node}{side}"], int(source)) for side, source in zip("ab", sources, strict=True)}
            for sources, node in pairs
        ]
    assert found == naive_darts(weights)


DERIVED = darts()


def test_none_weighs_and_is_never_derived():
    supernet = darts()
    alphas = {cell: torch.zeros(mask.shape) for cell, mask in supernet.masks.items()}
    for alpha in alphas.values():
        alpha[:, 0] = 5.0
        alpha[:, 4] = 1.0
    # an edge on which none is as weak as the rest has the larger shares, whatever its α
    alphas["normal"][11, :] = 0.5
    architecture = supernet.derive(softmax(supernet, alphas).weights)
    assert architecture["normal_from3"] == "0,2"
    assert architecture["normal_op3b"] == "max_pool_3x3"
    assert architecture["normal_op3a"] == "sep_conv_3x3"


def test_of_equal_ones_the_first_is_derived():
    supernets = [darts(), nasbench201(), events()]
    pools = "|".join(["max3~0,max3~1"] * 4)
    assert DARTS_SPACE.genotype(supernets[0].derive()) == f"{pools}/{pools}"
    cell = supernets[1].derive()
    assert cell.pop("op_0_3") == "skip_connect"  # the first operation, on the first way, that leads to the output
    assert set(cell.values()) == {"none"}
    assert supernets[2].derive()["encoder_2_op"] == "a"
