"""PC-DARTS: partial channels and shares of edges."""

from __future__ import annotations

import re

import pytest
import torch
from differentiable_searches import batch, darts_cells, randomised, search
from supernets import DARTS_SPACE, events

from nni_nasplus import UserError, registry
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.partial_channels import passing_by
from nni_nasplus.networks.supernet import MixedOperation
from nni_nasplus.spaces.images import DartsSpace


def test_the_published_supernet_has_as_many_weights():
    assert count_parameters(DartsSpace().supernet(channels=16, layers=8, fraction=4)) == 299_578


@pytest.mark.parametrize("make", [search, darts_cells])
def test_operations_see_one_channel_in_k(make):
    found = make("pc-darts", fraction=2)
    widths, whole = set(), set()
    for mixed in (module for module in found.supernet.modules() if isinstance(module, MixedOperation)):
        mixed.register_forward_pre_hook(lambda _, inputs: whole.add(inputs[0].shape[1]))
        for operation in mixed.operations.values():
            operation.register_forward_pre_hook(lambda _, inputs: widths.add(inputs[0].shape[1]))
    found.expected_loss(batch()["train"], "weights")
    assert {2 * width for width in widths} == whole


def test_layers_of_events_see_one_channel_in_k():
    supernet = events(fraction=2, width=32)
    width = supernet.net.stem.width
    layer = supernet.net.encoder[0].split
    seen = []
    for operation in layer.operations.values():
        operation.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-1]))
    from event_examples import SHAPE, random_batch

    supernet(random_batch(SHAPE, 3, 7))
    assert set(seen) == {width // 2}


def test_what_passes_by_is_shuffled_and_halved_where_the_mixture_is():
    x = torch.arange(6.0).view(1, 6, 1, 1).expand(1, 6, 4, 4)
    same = passing_by(lambda part: part + 10, x, 3, 1)
    assert same[0, :, 0, 0].tolist() == [10, 2, 4, 11, 3, 5]
    assert passing_by(lambda part: part[..., ::2, ::2], x[..., :3, :3], 3, 1).shape == (1, 6, 2, 2)
    events = torch.arange(4.0).expand(2, 3, 4)
    assert passing_by(torch.neg, events, 2, -1)[0, 0].tolist() == [0, 2, -1, 3]


def test_shares_of_the_edges_of_a_node_are_a_softmax():
    found = darts_cells("pc-darts", fraction=1)
    with torch.no_grad():
        for beta in found.betas.values():
            beta.copy_(torch.randn(14, generator=torch.Generator().manual_seed(0)))
    for cell, shares in found.shares().items():
        of_cell = [edge for edge in found.supernet.edges if edge.cell == cell]
        for target in range(2, 6):
            rows = [i for i, edge in enumerate(of_cell) if edge.target == target]
            torch.testing.assert_close(shares[rows], found.betas[cell][rows].softmax(0))


def test_without_parts_and_with_equal_shares_it_is_darts_up_to_the_number_of_edges():
    found, plain = randomised(search("pc-darts", fraction=1)), randomised(search("darts"))
    with torch.no_grad():
        found.betas["cell"].zero_()
    ours, darts = (one.draws("alphas")[0][1] for one in (found, plain))
    edges = torch.tensor([1.0, 1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3])
    torch.testing.assert_close(ours.edges["cell"].detach(), edges)
    torch.testing.assert_close(ours.weights["cell"], darts.weights["cell"])


def test_alpha_and_beta_stand_still_for_fifteen_of_fifty_epochs():
    found = search("pc-darts", fraction=2)
    moves = []
    for epoch in range(50):
        found.step = epoch * found.steps_per_epoch
        moves.append(found.alphas_move)
    assert moves == [False] * 15 + [True] * 35
    assert len(found.architecture_parameters) == 2


def test_an_edge_with_a_larger_share_is_derived():
    found = darts_cells("pc-darts", fraction=1)
    with torch.no_grad():
        for beta in found.betas.values():
            beta.zero_()
            beta[-1] = beta[-3] = 5.0
    chosen = [edge for edge, _ in found.supernet.selected(found.derived()) if edge.target == 5]
    assert {edge.source for edge in chosen} == {4, 2}


def test_channels_that_do_not_divide_are_named():
    message = "2 channels do not divide by fraction=4; use another width or fraction"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        registry.load("one_shot", "pc-darts").check(DARTS_SPACE, {})
    with pytest.raises(UserError, match=r"^fraction is 0; use 1 or more$"):
        search("pc-darts", fraction=0)
