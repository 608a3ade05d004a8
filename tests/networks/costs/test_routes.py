"""Routes: the best one, and the expected cost of all, are what listing every route says."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nni_nasplus.networks.costs.routes import Routes


@st.composite
def cases(draw):
    """Random routes through 3 to 7 nodes, of which each is connected with the next one, and a generator."""
    count = draw(st.integers(3, 7))
    further = [(a, b) for a in range(count) for b in range(a + 2, count)]
    connections = sorted([(a, a + 1) for a in range(count - 1)] + [pair for pair in further if draw(st.booleans())])
    owners = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=6))
    return Routes("roads", connections, {"houses": owners}), torch.Generator().manual_seed(draw(st.integers(0, 999)))


def listed(routes, node=0):
    """All routes from a node on, as numbers of connections."""
    if node == routes.nodes - 1:
        return [[]]
    return [[way, *rest] for way in routes.leaving(node) for rest in listed(routes, routes.connections[way][1])]


def passed(routes, route):
    return [0, *(routes.connections[way][1] for way in route)]


@given(cases())
def test_the_best_route_is_the_best_of_all_that_are_listed(case):
    routes, generator = case
    scores, inner = torch.randn(len(routes.connections), generator=generator), torch.randn(7, generator=generator)
    totals = {tuple(route): float(scores[route].sum() + inner[passed(routes, route)].sum()) for route in listed(routes)}
    assert routes.best(scores, inner[: routes.nodes]) == list(max(totals, key=lambda route: totals[route]))


@given(cases())
def test_the_chained_cost_is_the_mean_of_the_costs_of_all_routes(case):
    routes, generator = case
    counts = {"roads": len(routes.connections), "houses": len(routes.inside["houses"])}
    costs = {cell: torch.rand(count, 3, generator=generator, dtype=torch.double) for cell, count in counts.items()}
    shares = routes.shares(torch.randn(counts["roads"], generator=generator, dtype=torch.double))
    plain = {cell: torch.randn(rows.shape, generator=generator).double().softmax(-1) for cell, rows in costs.items()}
    mean = {cell: (rows * costs[cell]).sum(-1) for cell, rows in plain.items()}
    expected = 0.0
    for route in listed(routes):
        nodes = passed(routes, route)
        inner = sum(mean["houses"][number] for number, owner in enumerate(routes.inside["houses"]) if owner in nodes)
        expected += shares[route].prod() * (mean["roads"][route].sum() + inner)
    assert float(routes.chained(routes.shared_out(plain, shares), costs)) == pytest.approx(float(expected))


@given(cases())
def test_the_shares_of_what_leaves_a_node_are_a_softmax(case):
    routes, generator = case
    logits = torch.randn(len(routes.connections), generator=generator)
    shares = routes.shares(logits)
    for node in range(routes.nodes - 1):
        ways = routes.leaving(node)
        torch.testing.assert_close(shares[ways], logits[ways].softmax(-1))


def test_gradients_reach_shares_and_operations():
    routes = Routes("roads", [(0, 1), (0, 2), (1, 2)], {"houses": [1]})
    logits = torch.zeros(3, requires_grad=True)
    costs = {"roads": torch.tensor([[1.0], [2.0], [3.0]]), "houses": torch.tensor([[5.0]])}
    ones = {cell: torch.ones_like(rows) for cell, rows in costs.items()}
    cost = routes.chained(routes.shared_out(ones, routes.shares(logits)), costs)
    assert cost.item() == 0.5 * 2 + 0.5 * (1 + 5 + 3)
    (slope,) = torch.autograd.grad(cost, logits)
    torch.testing.assert_close(slope, torch.tensor([0.25 * 7, -0.25 * 7, 0.0]))
