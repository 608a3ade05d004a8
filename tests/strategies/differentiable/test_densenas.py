"""DenseNAS: routes by β, pairs of operations, and a chained cost."""

from __future__ import annotations

import pytest
import torch
from differentiable_searches import batch, calls, randomised, search

from nni_nasplus import UserError, registry
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.limits import Limits
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.spaces.densenas import DenseNasSpace

SPACE = DenseNasSpace(channels=4, depth=1, size=8, classes=3)
QUICK = {"epochs": 2, "warm_up": 0.0, "alpha_rate": 0.3}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def begun(**options):
    """A search with random α and β, that knows its costs."""
    found = randomised(search("densenas", SPACE, cost="parameters", **options))
    with torch.no_grad():
        found.betas.copy_(torch.randn(54, generator=torch.Generator().manual_seed(5)))
    found.trainer = None
    found._measure()
    return found


def test_there_are_54_betas_and_those_that_leave_a_block_share_it_out():
    found = begun()
    assert found.betas.shape == (54,)
    shares, routes = found.shares(), found.supernet.routes
    for node in range(17):
        ways = routes.leaving(node)
        torch.testing.assert_close(shares[ways], found.betas[ways].softmax(-1))


def test_a_step_of_the_weights_computes_one_operation_in_each_place_and_one_of_alpha_two():
    found = begun()
    counted = calls(found)
    found.expected_loss(batch()["train"], "weights")
    assert set(counted.values()) == {1}
    assert len(counted) == len(found.supernet.edges)
    counted.clear()
    _, (*_, slope) = found.alpha_gradients(batch())
    assert len(counted) == 2 * len(found.supernet.edges) - 3
    assert (slope != 0).sum() == 52  # the first block and the last one leave no choice


def test_an_operation_that_was_not_drawn_keeps_its_probability():
    found = begun(**QUICK)
    optimizer = found.other_optimizers()[0]
    found._optimizer = lambda _: type("_", (), {"optimizer": optimizer})
    for _ in range(2):  # momentum would move others in the second step
        before = {cell: rows.clone() for cell, rows in softmax(found.supernet, found.alphas).weights.items()}
        _, slopes = found.alpha_gradients(batch())
        for parameter, slope in zip(found.architecture_parameters, slopes, strict=True):
            parameter.grad = slope
        found.move_alphas()
        for cell, after in softmax(found.supernet, found.alphas).weights.items():
            pair = found._pair[cell]
            torch.testing.assert_close(after[~pair], before[cell][~pair])
            assert (after[pair] != before[cell][pair]).float().mean() > 0.9


def test_the_cost_in_the_loss_is_the_logarithm_of_the_chained_cost():
    found = begun(pressure=0.3, base=10.0)
    weights = {cell: rows.detach() for cell, rows in found.strengths().items()}
    chained = found.costs.fixed + found.supernet.routes.chained(weights, found.costs.rows)
    expected = 0.3 * torch.log10(chained / found.reference)
    torch.testing.assert_close(found.penalty_of(weights), expected)


def test_at_first_the_reference_is_the_cost_of_even_chances():
    found = begun()
    with torch.no_grad():
        found.betas.zero_()
        for alpha in found.alphas.values():
            alpha.zero_()
    assert float(found.expected(found.strengths())) == pytest.approx(1.0)


def test_the_answer_is_the_most_probable_route_with_the_most_probable_operations():
    found = begun()
    (answer,) = found.architectures().architectures
    assert answer == found.derived()
    log_shares = found.shares().log()
    route = found.supernet.routes.best(log_shares, torch.zeros(18))
    edges = [(edge, name) for edge, name in found.supernet.selected(answer) if edge.cell == "connections"]
    assert [(edge.source, edge.target) for edge, _ in edges] == [found.supernet.routes.connections[n] for n in route]
    rows = softmax(found.supernet, found.alphas).weights["connections"]
    assert [name for _, name in edges] == [found.supernet.operations[rows[n].argmax()] for n in route]


def test_what_is_found_keeps_to_a_limit():
    found = begun()
    (free,) = found.architectures().architectures
    limits = Limits(max_parameters=count_parameters(SPACE.build(free)) / 2)
    found.excess = lambda architecture: limits.excess(SPACE, architecture)
    assert found.excess(free)
    assert found.excess(found.architectures().architectures[0]) is None
    found.excess = lambda architecture: Limits(max_parameters=1e3).excess(SPACE, architecture)
    with pytest.raises(UserError, match="the cheapest network of the supernet is too large: parameters"):
        found.architectures()


@pytest.mark.system
def test_more_pressure_ends_in_a_lower_expected_cost():
    costs = []
    for pressure in (0.0, 30.0):
        found = search("densenas", SPACE, 8, **QUICK, cost="parameters", pressure=pressure)
        fit(found)
        costs.append(float(found.expected(found.strengths())))
    assert costs[0] > costs[1]


@pytest.mark.parametrize("name", ["darts", "fbnet"])
def test_methods_that_do_not_weigh_connections_are_refused(name):
    with pytest.raises(UserError, match="does not weigh the connections of DenseNasSpace; use densenas"):
        registry.load("one_shot", name).check(SPACE, {})
