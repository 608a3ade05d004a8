"""DARTS: its schedule, and its second order."""

from __future__ import annotations

import pytest
import torch
from differentiable_searches import Pictures, batch, randomised, search
from supernets import NB201_SPACE

from nni_nasplus import registry
from nni_nasplus.one_shot import alpha_gradients
from nni_nasplus.one_shot.fit import fit, made


def test_the_rate_falls_by_half_a_cosine():
    options = search("darts").options
    assert [options.rate_in(epoch) for epoch in (0, 25, 50)] == pytest.approx([0.025, 0.013, 0.001])


def test_an_evaluator_of_few_epochs_shortens_the_search_and_options_lengthen_it():
    pictures = Pictures()
    assert search("darts").options.epochs == 50
    pictures.epochs = 4
    kind = registry.load("one_shot", "darts")
    assert made(kind, NB201_SPACE, pictures).options.epochs == 4
    assert made(kind, NB201_SPACE, pictures, epochs=7).options.epochs == 7


def gradients(**options):
    torch.manual_seed(0)
    found = randomised(search("darts", epochs=2, **options)).double()
    optimizers = found.configure_optimizers()
    found.optimizers = lambda: optimizers
    pairs = {half: (images.double(), labels) for half, (images, labels) in batch().items()}
    before = [weight.detach().clone() for weight in found.supernet.parameters()]
    slopes = found.alpha_gradients(pairs)[1]
    after = list(found.supernet.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    return slopes[0]


def test_the_second_order_by_finite_differences_is_the_exact_one(monkeypatch):
    """By smaller ones than published, which here cross the kinks of ReLU."""
    monkeypatch.setattr(alpha_gradients, "_STEP", 1e-5)
    first, rough, exact = gradients(), gradients(order=2), gradients(order=2, exact=True)
    torch.testing.assert_close(rough, exact, rtol=1e-3, atol=1e-6)
    assert (exact - first).abs().max() > 1e-3


def test_without_a_step_the_second_order_is_the_first():
    first, second = gradients(), gradients(order=2, rate=1e-9, final_rate=0.0)
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-7)


def test_the_second_order_follows_momentum():
    found = search("darts", epochs=2, order=2)
    weights = list(found.supernet.parameters())
    optimizers = found.configure_optimizers()
    found.optimizers = lambda: optimizers
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizers[0].step()
    buffers = [optimizers[0].state[weight]["momentum_buffer"] for weight in weights]
    steps = found._step_of_sgd([torch.zeros_like(weight) for weight in weights])
    for step, buffer, weight in zip(steps, buffers, weights, strict=True):
        torch.testing.assert_close(step, 0.9 * buffer + 3e-4 * weight)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("exact", [False, True])
def test_a_search_of_second_order_ends(exact):
    assert len(fit(search("darts", epochs=1, order=2, exact=exact)).architectures) == 1
