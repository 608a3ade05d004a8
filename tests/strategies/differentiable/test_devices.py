"""ProxylessNAS and FBNet: gates, and costs in the loss."""

from __future__ import annotations

import pytest
import torch
from differentiable_searches import Pictures, batch, calls, randomised, search

from nni_nasplus import UserError
from nni_nasplus.networks.limits import Limits
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.strategies.differentiable.devices.pairs import two_of
from nni_nasplus.strategies.differentiable.devices.proxyless import _through

MOBILE = MobileSpace(channels=8, depth=2, size=8, classes=3, squeeze=False)
QUICK = {"epochs": 3, "warm_up": 0.0, "alpha_rate": 0.3}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def begun(name, space=MOBILE, **options):
    """A search that knows its costs."""
    found = search(name, space, **options)
    found.trainer = None
    found._measure()
    return found


def test_gates_pass_on_the_gradient_that_a_softmax_of_their_operations_would():
    generator = torch.Generator().manual_seed(0)
    alpha = torch.randn(4, 5, generator=generator, requires_grad=True)
    slopes = torch.randn(4, 5, generator=generator)
    (expected,) = torch.autograd.grad((alpha.softmax(-1) * slopes).sum(), alpha)
    torch.testing.assert_close(_through(alpha.detach().softmax(-1), slopes), expected)


def test_a_step_of_the_weights_computes_one_operation_an_edge_and_one_of_alpha_two():
    found = randomised(begun("proxyless"))
    counted = calls(found)
    found.expected_loss(batch()["train"], "weights")
    assert set(counted.values()) == {1}
    assert len(counted) == len(found.supernet.edges)
    counted.clear()
    found.alpha_gradients(batch())
    assert len(counted) == 2 * len(found.supernet.edges)


def test_an_operation_that_was_not_drawn_keeps_its_probability():
    found = randomised(begun("proxyless", **QUICK))
    found._optimizer = lambda _: type("_", (), {"optimizer": found.other_optimizers()[0]})
    before = found.alphas["blocks"].detach().softmax(-1).clone()
    _, (slope,) = found.alpha_gradients(batch())
    found.alphas["blocks"].grad = slope
    optimizer = found.other_optimizers()[0]
    found._optimizer = lambda _: type("_", (), {"optimizer": optimizer})
    found.move_alphas()
    after, pair = found.alphas["blocks"].detach().softmax(-1), found._pair["blocks"]
    torch.testing.assert_close(after[~pair], before[~pair])
    assert (after[pair] - before[pair]).abs().min() > 0


def test_two_operations_are_drawn_without_replacement_and_only_those_alive():
    found = randomised(begun("proxyless"))
    shares = found.strengths()["blocks"]
    counts = sum(two_of(shares, found.generator).long() for _ in range(50))
    assert (counts.sum(-1) == 100).all()
    assert (counts[shares == 0] == 0).all()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("proxyless", {"every": 1}),
        ("proxyless", {"every": 1, "combine": "product"}),
        ("fbnet", {}),
    ],
)
def test_more_pressure_ends_in_a_lower_expected_cost(name, options):
    costs = []
    for pressure in (0.0, 1.0, 30.0):
        found = search(name, MOBILE, 8, **QUICK, **options, pressure=pressure)
        fit(found)
        costs.append(float(found.expected(found.strengths())))
    assert costs[0] > costs[1] > costs[2]


def test_reinforce_has_the_gradient_of_the_expected_cost_in_the_mean():
    found = randomised(begun("proxyless", update="reinforce", samples=2000, pressure=3.0))
    found.loss = lambda *_: torch.zeros(())
    _, (slope,) = found.alpha_gradients(batch())
    (expected,) = torch.autograd.grad(
        3.0 * found.expected(softmax(found.supernet, found.alphas).weights), list(found.alphas.values())
    )
    assert torch.cosine_similarity(slope.flatten(), expected.flatten(), dim=0) > 0.95
    assert slope.norm() == pytest.approx(float(expected.norm()), rel=0.2)


def test_what_is_found_keeps_to_the_limit_and_is_the_most_probable_where_there_is_none():
    found = randomised(begun("proxyless"))
    (most_probable,) = found.architectures().architectures
    assert most_probable == found.derived()
    found.limits = Limits(max_flops=1.0)
    limit = 600_000
    found.excess = lambda architecture: Limits(max_flops=limit).excess(MOBILE, architecture)
    assert Limits(max_flops=limit).excess(MOBILE, most_probable)
    assert Limits(max_flops=limit).excess(MOBILE, found.architectures().architectures[0]) is None
    found.excess = lambda architecture: Limits(max_flops=1e4).excess(MOBILE, architecture)
    with pytest.raises(UserError, match="the cheapest network of the supernet is too large: flops"):
        found.architectures()


def test_the_cost_is_that_which_is_limited_and_the_limit_is_the_reference():
    found = begun("proxyless")
    assert found.cost == "flops"
    plain = {cell: mask / mask.sum(-1, keepdim=True) for cell, mask in found.supernet.masks.items()}
    assert float(found.expected(plain)) == pytest.approx(1.0)
    found.limits = Limits(max_parameters=1000, max_flops=2000)
    assert (found.cost, found.reference) == ("flops", 2000)


def test_a_warm_up_and_steps_between_leave_alpha_as_it_is():
    found = search("proxyless", MOBILE, epochs=8, every=2)
    moves = []
    original = found.move_alphas
    found.move_alphas = lambda: (moves.append(found.step), original())
    fit(found)
    assert len(Pictures().pairs) // 8 == found.steps_per_epoch == 3
    assert moves == list(range(6, 24, 2))
