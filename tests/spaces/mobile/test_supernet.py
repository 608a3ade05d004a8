"""The supernet of the mobile space computes the networks of the space."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nni_nasplus import UserError
from nni_nasplus.networks.supernet import Mixture
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.spaces.mobile.genotype import SKIP

SPACE = MobileSpace(channels=8, depth=3, size=8, classes=3, squeeze=False, **MobileSpace.recommended())


@pytest.fixture(scope="module")
def supernet():
    torch.manual_seed(0)
    return SPACE.supernet().eval()


def lent(supernet, architecture, operations):
    """The stand-alone network of an architecture, with the weights of these operations, a place each."""
    network = SPACE.build(architecture).eval()
    for part in ("stem", "head", "classifier"):
        getattr(network, part).load_state_dict(getattr(supernet.net, part).state_dict())
    chosen = [
        mixture.operations[name]
        for mixture, name in zip(supernet.net.blocks[1:], operations, strict=True)
        if name != SKIP
    ]
    for own, block in zip(network.blocks, [supernet.net.blocks[0], *chosen], strict=True):
        own.load_state_dict(block.state_dict())
    return network


def test_one_path_computes_what_the_network_with_its_weights_does(supernet):
    images = torch.randn(2, 3, 8, 8)
    for seed in range(5):
        architecture = {**SPACE.search_space.sample(np.random.default_rng(seed)), "width": 1.0}
        names = [name for _, name in supernet.selected(architecture)]
        with supernet.only(architecture), torch.no_grad():
            assert torch.equal(supernet(images), lent(supernet, architecture, names)(images))


def test_what_is_skipped_in_the_middle_of_a_stage_is_a_shorter_stage(supernet):
    images, names = torch.randn(2, 3, 8, 8), []
    for layer in supernet.layers:
        names.append(SKIP if layer.number == 2 else "mb3_5x5" if layer.number == 3 else "mb6_3x3")
    weights = torch.tensor([[float(op == name) for op in supernet.operations] for name in names])
    derived = supernet.derive({"blocks": weights})
    assert (derived["depth_1"], derived["op_1_1"], derived["op_1_2"]) == (2, "mb6_3x3", "mb3_5x5")
    with torch.no_grad():
        mixed = supernet(images, Mixture({"blocks": weights}, {"blocks": weights.bool()}))
        assert torch.allclose(mixed, lent(supernet, derived, names)(images), atol=1e-6)


def test_the_first_block_of_a_stage_is_never_skipped(supernet):
    for edge, layer in zip(supernet.edges, supernet.layers, strict=True):
        assert (SKIP in supernet.alive(edge)) == (layer.number > 1)


def test_what_it_derives_is_in_the_space(supernet):
    derived = supernet.derive()
    assert SPACE.search_space.validate(derived) == derived
    assert derived["width"] == 1.0


def test_what_is_held_is_all_that_is_alive():
    held = MobileSpace(channels=8, depth=3, squeeze=False, fixed={"depth_1": 1, "depth_2": 3, "op_1_1": "mb6_7x7"})
    supernet = held.supernet()
    places = [(layer.stage, layer.number) for layer in supernet.layers]
    alive = dict(zip(places, map(supernet.alive, supernet.edges), strict=True))
    assert alive[1, 1] == ["mb6_7x7"]
    assert alive[1, 2] == alive[1, 3] == [SKIP]
    assert SKIP not in alive[2, 3]
    derived = supernet.derive()
    assert held.search_space.validate(derived) == derived


def test_sizes_that_it_does_not_have_are_named():
    with pytest.raises(UserError, match="the supernet of MobileSpace has no layers"):
        SPACE.supernet(layers=3)
    assert len(SPACE.supernet(depth=1).edges) == 6
