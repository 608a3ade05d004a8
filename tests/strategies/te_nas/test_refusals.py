"""What TE-NAS cannot search is named."""

from __future__ import annotations

import pytest
import torch
from digits_search import Digits
from te_nas_searches import DARTS, NB201, SMALL, images, made, trained

from nni_nasplus import UserError
from nni_nasplus.strategies.te_nas import TENAS, Networks, networks_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Deaf(torch.nn.Module):
    def forward(self, x):
        return x


def test_what_cannot_be_scored_is_named():
    flat = torch.ones(8, 3, 6, 6)
    with pytest.raises(UserError, match="all 8 examples of the batch are equal"):
        trained(TENAS(networks_of(NB201), flat))
    with pytest.raises(UserError, match="one example"):
        trained(TENAS(networks_of(NB201), images(count=1)))
    networks = networks_of(NB201)
    for module in list(networks.regions.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.ReLU):
                setattr(module, name, Deaf())
    with pytest.raises(UserError, match="no ReLU"):
        trained(TENAS(networks, images(), **SMALL))
    with pytest.raises(UserError, match=r"the images are \(2, 2\)"):
        trained(TENAS(networks_of(NB201), torch.randn(8, 3, 2, 2), **SMALL))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"repeats": 0}, "repeats is 0; use 1 or more"),
        ({"prune": 0}, "prune is 0; use 1 or more"),
        ({"kernel_examples": 1}, "kernel_examples is 1; use 2 or more"),
        ({"seed": -1}, "seed is -1; use 0 or more"),
    ],
)
def test_numbers_too_small_are_named(options, named):
    with pytest.raises(UserError, match=named):
        made(**options)


def test_supernets_that_do_not_fit_are_named():
    with pytest.raises(UserError, match="one space"):
        Networks(networks_of(NB201).kernel, networks_of(DARTS).regions)
    with pytest.raises(UserError, match="Digits has no supernet"):
        networks_of(Digits())
