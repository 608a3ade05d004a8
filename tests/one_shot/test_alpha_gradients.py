"""Gradients of α through a step of the weights, on problems small enough to solve by hand."""

from __future__ import annotations

import pytest
import torch

from nni_nasplus.one_shot.alpha_gradients import finite_difference, hessian, hessian_product, second_order


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_the_bilevel_example_of_the_paper_ends_at_its_fixed_point(rate, exact):
    """L_val = αw − 2α + 1 and L_train = w² − 2αw + α², from (2, −2): α = w = 2 / (1 + 2ξ)."""
    alpha, w = (torch.tensor([start], dtype=torch.float64, requires_grad=True) for start in (2.0, -2.0))

    def train():
        return (w**2 - 2 * alpha * w + alpha**2).sum()

    def valid():
        return (alpha * w - 2 * alpha + 1).sum()

    for _ in range(3000):
        _, (slope,) = second_order(train, valid, [w], [alpha], step=list, rate=rate, exact=exact)
        with torch.no_grad():
            alpha -= 0.05 * slope
            w -= 0.05 * torch.autograd.grad(_with_grad(train), w)[0]
    assert alpha.item() == pytest.approx(2 / (1 + 2 * rate), abs=1e-3)
    assert w.item() == pytest.approx(alpha.item(), abs=1e-3)


def _with_grad(loss):
    with torch.enable_grad():
        return loss()


def test_finite_differences_are_the_exact_product_and_weights_are_restored_bit_by_bit():
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(n, generator=generator, dtype=torch.float64, requires_grad=True) for n in (4, 3)]
    alphas = [torch.randn(5, generator=generator, dtype=torch.float64, requires_grad=True)]
    mix = torch.randn(5, 7, generator=generator, dtype=torch.float64)
    before = [weight.detach().clone() for weight in weights]

    def loss():
        return (torch.tanh(alphas[0].softmax(0) @ mix * torch.cat(weights)).sum() - 1).square()

    vector = [torch.randn(n, generator=generator, dtype=torch.float64) for n in (4, 3)]
    (rough,), (exact,) = (product(loss, weights, alphas, vector) for product in (finite_difference, hessian_product))
    torch.testing.assert_close(rough, exact, rtol=1e-3, atol=1e-6)
    assert exact.abs().max() > 1e-3
    assert all(torch.equal(a, b) for a, b in zip(before, weights, strict=True))


def test_weights_are_restored_where_the_loss_fails():
    weight = torch.ones(2, requires_grad=True)

    def failing():
        if not torch.equal(weight, torch.ones(2)):
            raise RuntimeError
        return (weight * weight).sum()

    with pytest.raises(RuntimeError):
        second_order(failing, failing, [weight], [torch.ones(1)], step=list, rate=0.1, exact=False)
    assert torch.equal(weight, torch.ones(2))


def test_the_second_derivatives_of_a_quadratic_are_its_matrix():
    matrix = torch.tensor([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 5.0]])
    a, b = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    x = torch.cat([a, b])
    torch.testing.assert_close(hessian(0.5 * x @ matrix @ x, [a, b]), matrix)
