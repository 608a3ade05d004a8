"""Stacks of cells: sizes, reductions, the auxiliary head, dropped paths."""

from __future__ import annotations

import pytest
import torch
from image_networks import random_architecture

from nni_nasplus import UserError
from nni_nasplus.spaces.images import PUBLISHED, CellGenotype, DartsSpace, Genotype
from nni_nasplus.spaces.images.cell import Cell
from nni_nasplus.spaces.images.operations import DropPath
from nni_nasplus.spaces.images.stack import CellPlan, CellStack, Macro


@pytest.fixture(scope="module")
def space() -> DartsSpace:
    return DartsSpace(channels=2, layers=3, classes=3, size=8, drop_path=0.0)


@pytest.mark.parametrize("name", ["NASNet", "AmoebaNet"])
def test_cells_from_outside_the_space_can_be_built(space, name):
    assert space.build_genotype(name)(torch.randn(2, 3, 8, 8)).shape == (2, 3)
    assert str(Genotype.parse(str(Genotype.parse(PUBLISHED[name])))) == PUBLISHED[name]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"layers": 0}, "layers is 0"),
        ({"size": 0}, "size is 0"),
        ({"drop_path": 1.0}, "drop_path is 1.0"),
        ({"stem": "mnist"}, "stem is 'mnist'; choose one of cifar, imagenet, none"),
        ({"size": 12, "auxiliary": True}, "size is 12; use 13 or more, or auxiliary=False"),
        ({"size": 64, "auxiliary": True, "stem": "imagenet"}, "size is 64; use 65 or more, or auxiliary=False"),
        ({"channels": 1, "stem": "imagenet"}, "channels is 1; the ImageNet stem needs 2"),
    ],
)
def test_sizes_that_cannot_be_are_named(sizes, message):
    with pytest.raises(UserError, match=message):
        DartsSpace(**{"channels": 2, "layers": 3, **sizes})


@pytest.mark.parametrize(
    "sizes",
    [
        {"size": 1},
        {"size": 7, "in_channels": 1},
        {"size": 13, "auxiliary": True},
        {"size": 28, "auxiliary": True, "in_channels": 1},
        {"size": 65, "auxiliary": True, "stem": "imagenet"},
        {"size": 33, "stem": "imagenet"},
        {"layers": 1, "size": 8},
        {"layers": 2, "size": 9},
        {"channels": 1, "size": 8},
        {"channels": 3, "size": 5, "stem": "none"},
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_any_size_can_be_built_and_trained(sizes, seed):
    space = DartsSpace(**{"channels": 2, "layers": 3, "classes": 4, **sizes})
    network = space.build(random_architecture(space, seed))
    images = space.example().expand(3, -1, -1, -1) + torch.randn(3, 1, 1, 1)
    logits = network(images)
    sides = logits if space.auxiliary else (logits,)
    assert [side.shape for side in sides] == [(3, 4)] * (1 + space.auxiliary)
    sum(side.sum() for side in sides).backward()
    assert all(p.grad is not None for p in network.parameters())
    assert network.eval()(images).shape == (3, 4)


def spatial_sizes(network: CellStack, images: torch.Tensor) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    for cell in network.cells:
        cell.register_forward_hook(lambda _, __, output: seen.append(tuple(output.shape[1:3])))
    network(images)
    return seen


@pytest.mark.parametrize(("stem", "size"), [("cifar", 16), ("imagenet", 128)])
def test_reductions_are_at_a_third_and_two_thirds(stem, size):
    space = DartsSpace(channels=2, layers=8, stem=stem, size=size)
    seen = spatial_sizes(space.build_genotype("DARTS_V1"), space.example().expand(2, -1, -1, -1))
    assert seen == [(8, 16)] * 2 + [(16, 8)] * 3 + [(32, 4)] * 3


def test_a_macro_may_place_its_reductions():
    macro = Macro(channels=1, layers=2, stem_multiplier=1, reductions=(1,))
    assert [macro.kind(layer) for layer in range(2)] == ["normal", "reduce"]


def test_the_auxiliary_head_answers_in_training_alone():
    space = DartsSpace(channels=2, layers=6, size=16, auxiliary=True)
    network, images = space.build_genotype("DARTS_V2"), torch.randn(4, 3, 16, 16)
    main, side = network(images)
    assert not torch.allclose(main, side)
    assert isinstance(network.eval()(images), torch.Tensor)
    assert isinstance(DartsSpace(2, 6).build_genotype("DARTS_V2")(images), torch.Tensor)


def test_paths_are_dropped_in_training_alone():
    space = DartsSpace(channels=2, layers=3, size=8, drop_path=0.5)
    network, images = space.build_genotype("DARTS_V2"), torch.randn(4, 3, 8, 8)
    assert not torch.equal(network(images), network(images))
    network.ramp_drop_path(0.0)
    assert torch.equal(network(images), network(images))
    network.ramp_drop_path(1.0)
    network.eval()
    assert torch.equal(network(images), network(images))


def test_drop_path_keeps_the_mean_and_drops_whole_examples():
    drop = DropPath(0.4)
    drop.ramp(0.5)
    torch.manual_seed(0)
    dropped = drop(torch.ones(20_000, 2, 2, 2)).flatten(1)
    assert (dropped == dropped[:, :1]).all()
    assert set(dropped.unique().tolist()) == {0.0, 1.25}
    assert (dropped[:, 0] == 0).double().mean().item() == pytest.approx(0.2, abs=0.01)
    assert torch.equal(drop.eval()(torch.ones(3, 1, 1, 1)), torch.ones(3, 1, 1, 1))


def test_identities_are_never_dropped():
    skips = CellGenotype((("skip_connect", 0), ("skip_connect", 1)), (2,))
    pools = CellGenotype((("max_pool_3x3", 0), ("max_pool_3x3", 1)), (2,))
    states = torch.rand(2, 64, 6, 4, 4)
    for genotype, constant in ((skips, True), (pools, False)):
        cell = Cell(genotype, CellPlan("normal", 2, (6, 6), halved=False), 0.5)
        assert torch.equal(cell(*states), cell(*states)) == constant
