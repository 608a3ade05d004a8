"""ENAS: the controller, and what it learns."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from differentiable_searches import batch, search
from supernets import DARTS_SPACE

from nni_nasplus import UserError
from nni_nasplus.networks.supernet import Edge
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies.paths.edge_controller import EdgeController
from nni_nasplus.strategies.paths.node_controller import NodeController

NODES = NodeController([Edge("cell", 0, 1), Edge("cell", 0, 2), Edge("cell", 1, 2)], torch.arange(9).view(3, 3) > 1)
TINY = torch.tensor([[True, True, True], [True, False, True]])
ALL = torch.tensor([pair for pair in product(range(3), range(3)) if pair[1] != 1])


def controller(alive=TINY, seed=0, bound=2.5):
    torch.manual_seed(seed)
    made = EdgeController(alive, bound=bound)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made


def test_the_probabilities_of_all_paths_add_up_to_one():
    logs, _ = controller()(ALL)
    assert logs.exp().sum().item() == pytest.approx(1.0, abs=1e-5)


def test_paths_are_drawn_as_often_as_it_says():
    made, count = controller(), 20_000
    drawn = made.sample(count, torch.Generator().manual_seed(0))
    shares = (drawn[:, None] == ALL).all(-1).float().mean(0)
    torch.testing.assert_close(shares, made(ALL)[0].exp().detach(), atol=4 * 0.5 / count**0.5, rtol=0)


def test_the_mean_gradient_of_samples_is_that_of_the_expected_reward():
    """−reward · log π over all paths, weighed by π, descends as −Σ π · reward does."""
    made, rewards = controller(), torch.tensor([1.0, -2.0, 0.5, 3.0, 0.0, 1.5])
    logs, _ = made(ALL)
    exact = torch.autograd.grad(-(logs.exp() * rewards).sum(), list(made.parameters()), retain_graph=True)
    found = torch.autograd.grad(-(logs.exp().detach() * rewards * logs).sum(), list(made.parameters()))
    for one, other in zip(exact, found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_the_entropy_is_that_of_what_it_draws_from():
    made = controller(bound=0.0)
    _, entropy = made(ALL)
    assert entropy.tolist() == pytest.approx([torch.tensor(6.0).log().item()] * 6, abs=1e-5)


@pytest.mark.parametrize("made", [controller(), NODES], ids=["edges", "nodes"])
def test_gradients_of_the_entropy_are_finite_where_operations_are_pruned(made):
    chosen = made.sample(5, torch.Generator().manual_seed(0))
    made(chosen)[1].sum().backward()
    assert all(values.grad.isfinite().all() for values in made.parameters() if values.grad is not None)


def test_weights_that_were_not_drawn_have_no_gradient():
    found = search("enas")
    found.manual_backward = lambda loss: loss.backward()
    ((_, mixture),) = draws = found.weight_draws(None)
    found._descend(batch(), draws)
    assert all(parameter.grad is None for parameter in found.controller.parameters())
    active = mixture.active["cell"]
    for name, values in found.supernet.named_parameters():
        parts = name.split(".")
        if "operations" in parts:
            place = parts.index("operations")
            on = active[int(parts[place - 1]), found.supernet.operations.index(parts[place + 1])]
            assert on or values.grad is None, name


def test_the_baseline_is_a_moving_mean_that_a_batch_enters_after_it_was_compared():
    found = search("enas", decay=0.5, entropy=0.0)
    chosen = found._drawn(2)
    assert found.controller_loss(chosen, torch.tensor([2.0, 2.0])).item() == 0
    found.controller_loss(chosen, torch.tensor([4.0, 4.0]))
    assert found.memory["baseline"] == 3.0
    logs, _ = found.controller(chosen)
    expected = -(3.0 * logs).mean().item()
    assert found.controller_loss(chosen, torch.tensor([6.0, 6.0])).item() == pytest.approx(expected)


def test_a_controller_learns_which_operation_is_rewarded():
    found = search("enas", entropy=0.0)
    optimizer = torch.optim.Adam(found.controller.parameters(), 0.02)
    for _ in range(60):
        chosen = found._drawn(20)
        optimizer.zero_grad()
        found.controller_loss(chosen, (chosen == 3).float().sum(-1)).backward()
        optimizer.step()
    assert (found._drawn(200) == 3).float().mean() > 0.5, "a fifth at first"


def test_cells_whose_nodes_have_two_edges_are_refused():
    message = "enas chooses one edge to a node, DartsSpace needs two; use spos or rsps"
    with pytest.raises(UserError, match=f"^{message}$"):
        make_strategy("enas", {}).check_space(DARTS_SPACE)
