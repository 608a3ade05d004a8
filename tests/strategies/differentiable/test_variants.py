"""β-DARTS, DARTS-, FairDARTS, SDARTS: what they add to DARTS, and that nothing of it leaves DARTS."""

from __future__ import annotations

import pytest
import torch
from differentiable_searches import batch, randomised, search
from event_examples import SHAPE

from nni_nasplus import UserError, registry
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.spaces.events import EventSequenceSpace

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def alphas_after(name, **options):
    found = search(name, epochs=2, alpha_rate=0.05, **options)
    fit(found)
    return found.alphas["cell"].detach()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("beta-darts", {"strength": 0.0}),
        ("darts-minus", {"skip": 0.0}),
        ("sdarts", {"first_radius": 0.0, "last_radius": 0.0}),
        ("sdarts", {"first_radius": 0.0, "last_radius": 0.0, "perturbation": "adversarial"}),
    ],
)
def test_without_what_it_adds_it_is_darts(name, options):
    torch.testing.assert_close(alphas_after(name, **options), alphas_after("darts"), rtol=1e-4, atol=1e-6)


def test_the_gradient_of_the_penalty_of_beta_darts_is_the_softmax_by_the_number_of_edges():
    found = randomised(search("beta-darts", epochs=10))
    found.step = 5 * found.steps_per_epoch
    (slope,) = torch.autograd.grad(found.penalty(), found.architecture_parameters)
    torch.testing.assert_close(slope, 25 * found.alphas["cell"].detach().softmax(-1) / 6)


def test_beta_darts_keeps_alpha_together():
    strong, none = (alphas_after("beta-darts", strength=strength) for strength in (50.0, 0.0))
    assert strong.var() < none.var()
    assert strong.softmax(-1).max() < none.softmax(-1).max()


def test_the_auxiliary_skip_falls_from_one_to_nothing_and_is_not_in_the_answer():
    found = randomised(search("darts-minus", epochs=4))
    seen = []
    for epoch in range(5):
        found.step = epoch * found.steps_per_epoch
        seen.append(found.draws("alphas")[0][1].skip)
    assert seen == [1.0, 0.75, 0.5, 0.25, 0.0]
    torch.testing.assert_close(found.strengths()["cell"], found.alphas["cell"].softmax(-1))


def test_a_space_without_skips_is_refused_before_data_are_read():
    space = EventSequenceSpace(**SHAPE.to_json(), hidden=8)
    message = "EventSequenceSpace has no skip_connect, which DARTS- strengthens; use darts"
    with pytest.raises(UserError, match=f"^{message}$"):
        registry.load("one_shot", "darts-minus").check(space, {})


def test_fair_darts_weighs_each_operation_by_itself_and_pushes_it_from_a_half():
    found = randomised(search("fair-darts"))
    mixture = found.draws("alphas")[0][1]
    assert not mixture.active["cell"][:, 0].any()
    torch.testing.assert_close(mixture.weights["cell"], found.alphas["cell"].sigmoid())
    (slope,) = torch.autograd.grad(found.penalty(), found.architecture_parameters)
    alpha = found.alphas["cell"].detach()
    assert torch.equal(slope[:, 1:].sign(), -alpha[:, 1:].sign())
    assert (slope[:, 0] == 0).all()


def test_fair_darts_leaves_out_what_is_below_the_threshold_but_the_best_edge_of_a_node():
    found = search("fair-darts")
    with torch.no_grad():
        found.alphas["cell"].fill_(-1.0)
        found.alphas["cell"][0, 3] = 0.5  # the only edge to node 1: kept below the threshold
        found.alphas["cell"][2, 2] = 3.0  # an edge to node 2: above it
        found.alphas["cell"][4, 1] = 1.0  # below it, but the best edge to node 3
    kept = list(found.derived().values())
    assert kept == ["nor_conv_3x3", "none", "nor_conv_1x1", "none", "skip_connect", "none"]


@pytest.mark.parametrize("perturbation", ["random", "adversarial"])
def test_what_sdarts_trains_the_weights_with_is_near_the_softmax_and_on_the_simplex(perturbation):
    found = randomised(search("sdarts", epochs=3, perturbation=perturbation))
    before = found.alphas["cell"].detach().clone()
    ((_, mixture),) = found.weight_draws(batch()["train"])
    rows, plain = mixture.weights["cell"], before.softmax(-1)
    torch.testing.assert_close(rows.sum(-1), torch.ones(6))
    assert (rows >= 0).all()
    assert 0 < (rows - plain).abs().max() <= 0.03 * 6  # of five entries, after the division by their sum
    assert torch.equal(found.alphas["cell"], before)
    assert found.supernet.training
    assert found.radius == pytest.approx(0.03)


def test_the_attack_of_sdarts_raises_the_loss_more_than_chance():
    def mean_loss(perturbation):
        found = randomised(search("sdarts", first_radius=0.3, perturbation=perturbation))
        found.supernet.eval()
        with torch.no_grad():
            draws = [found.weight_draws(batch(24)["train"]) for _ in range(5)] if perturbation == "random" else []
        draws = draws or [found.weight_draws(batch(24)["train"]) for _ in range(5)]
        with torch.no_grad():
            return sum(float(found.loss(batch(24)["train"], mixture)) for ((_, mixture),) in draws) / 5

    assert mean_loss("adversarial") > mean_loss("random")
