"""The networks of the DARTS space are NNI's with the same weights."""

from __future__ import annotations

import pytest
import torch
from image_networks import copy_in_order_of_use, random_architecture, randomise
from nni.nas.hub.pytorch import DARTS as NniDarts
from nni.nas.space import model_context

from nni_nasplus.spaces.images import DartsSpace, Genotype


def nni_sample(architecture: dict) -> dict:
    """The architecture in the terms of NNI's own space."""
    genotype = Genotype.parse(DartsSpace(2, 3).genotype(architecture))
    return {
        f"{kind}/{part}_{node + 2}_{side}": [value] if part == "input" else value
        for kind in ("normal", "reduce")
        for node in range(4)
        for side, (operation, source) in enumerate(genotype.cell(kind).pair(node))
        for part, value in (("op", operation), ("input", source))
    }


@pytest.mark.parametrize(("stem", "classes", "size"), [("cifar", 10, 16), ("imagenet", 1000, 64)])
@pytest.mark.parametrize("seed", range(2))
def test_networks_equal_nnis_with_the_same_weights(seed, stem, classes, size):
    space = DartsSpace(channels=4, layers=4, classes=classes, stem=stem, drop_path=0.0)
    architecture = random_architecture(space, seed)
    with model_context(nni_sample(architecture)):
        theirs = NniDarts(width=4, num_cells=4, dataset=stem).double().eval()
    ours = space.build(architecture).double().eval()
    randomise(theirs, seed)
    copy_in_order_of_use(theirs, ours, torch.zeros(1, 3, size, size, dtype=torch.double))
    images = torch.randn(3, 3, size, size, dtype=torch.double)
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-10, atol=1e-10)


def test_the_auxiliary_head_equals_nnis():
    space = DartsSpace(channels=4, layers=4, auxiliary=True, drop_path=0.0)
    architecture = random_architecture(space, 0)
    with model_context(nni_sample(architecture)):
        theirs = NniDarts(width=4, num_cells=4, dataset="cifar", auxiliary_loss=True).double()
    ours = space.build(architecture).double()
    randomise(theirs, 0)
    images = torch.randn(4, 3, 32, 32, dtype=torch.double)
    copy_in_order_of_use(theirs, ours, images)
    for left, right in zip(ours(images), theirs(images), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-9, atol=1e-9)
