"""The controller of ENAS for recurrent cells."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from recurrent_searches import search

from nni_nasplus.networks.supernet import NONE
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace
from nni_nasplus.strategies.paths.node_controller import NodeController

SIZES = {"vocabulary": 5, "hidden": 2}
ENAS = EnasRecurrentSpace(**SIZES, nodes=3).supernet()
CELLS = torch.tensor([(0, a, 0, b, source, c) for a, b, source, c in product(range(4), range(4), range(2), range(4))])
"""All 128 of three nodes."""


def controller(supernet=ENAS, **options):
    torch.manual_seed(0)
    alive = torch.cat(list(supernet.masks.values())) & torch.tensor([name != NONE for name in supernet.operations])
    made = NodeController(supernet.edges, alive, **options)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


def test_the_probabilities_of_all_cells_add_up_to_one():
    assert controller()(CELLS)[0].exp().sum().item() == pytest.approx(1.0, abs=1e-5)


def test_cells_are_drawn_as_often_as_it_says():
    made, count = controller(), 5_000
    drawn = made.sample(count, torch.Generator().manual_seed(0))
    shares = (drawn[:, None] == CELLS).all(-1).float().mean(0)
    torch.testing.assert_close(shares, made(CELLS)[0].exp().detach(), atol=4 * 0.5 / count**0.5, rtol=0)


def test_the_mean_gradient_of_samples_is_that_of_the_expected_reward():
    made, rewards = controller(), torch.randn(128, generator=torch.Generator().manual_seed(1))
    logs, _ = made(CELLS)
    exact = torch.autograd.grad(-(logs.exp() * rewards).sum(), list(made.parameters()), retain_graph=True)
    found = torch.autograd.grad(-(logs.exp().detach() * rewards * logs).sum(), list(made.parameters()))
    for one, other in zip(exact, found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_the_mean_of_the_entropies_is_that_of_the_cells():
    """The chain rule: Σ π · (sum of the conditional entropies on the way) = −Σ π log π."""
    logs, entropies = (values.detach() for values in controller()(CELLS))
    assert (logs.exp() * entropies).sum().item() == pytest.approx(-(logs.exp() * logs).sum().item(), abs=1e-5)


def test_near_nodes_are_preferred_at_first():
    """(2² − 1²) / 6 is what node 1 has less than node 2 for the logit of node 3, where nothing else speaks."""
    logs, _ = controller(bound=0.0)(CELLS)
    near, far = (logs[CELLS[:, 4] == place].exp().sum().item() for place in (1, 0))
    assert near / far == pytest.approx(math.exp(0.5), rel=1e-5)


def test_decisions_are_the_edge_and_the_operation_of_each_node():
    rows = controller().rows(torch.tensor([0, 1, 0, 3, 1, 0]))
    path = ENAS.derive({"cell": rows})
    assert path == {"op1": "relu", "op2": "identity", "from2": 1, "op3": "tanh", "from3": 2}


def test_cells_of_darts_are_drawn_without_none_and_without_what_is_pruned():
    supernet = DartsRecurrentSpace(**SIZES).supernet()
    supernet.prune(supernet.edges[1])
    drawn = controller(supernet).sample(200, torch.Generator().manual_seed(0))
    assert (drawn[:, 1::2] > 0).all()
    assert (drawn[:, 2] == 1).all()
    assert {tuple(row) for row in drawn[:, ::2].tolist()} != {tuple([0] * 8)}


def test_a_controller_learns_which_cells_are_rewarded():
    found = search("enas", "enas-rnn", entropy=0.0)
    optimizer = torch.optim.Adam(found.controller.parameters(), 0.05)
    for _ in range(30):
        chosen = found._drawn(20)
        optimizer.zero_grad()
        found.controller_loss(chosen, (chosen[:, 1::2] == 2).float().sum(-1)).backward()
        optimizer.step()
    assert (found._drawn(200)[:, 1::2] == 2).float().mean() > 0.5, "a quarter at first"
