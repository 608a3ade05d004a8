"""GDAS, SNAS and DrNAS: weights of operations that are drawn."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from differentiable_searches import batch, calls, darts_cells, randomised, search

from nni_nasplus.networks.supernet import NONE, MixedOperation
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.one_shot.mixture import gumbel


@pytest.mark.parametrize("make", [search, darts_cells])
def test_gdas_computes_one_operation_an_edge_in_each_pass(make):
    found = randomised(make("gdas"))
    counted = calls(found)
    for _ in range(5):
        counted.clear()
        found.expected_loss(batch()["train"], "weights")
        mixtures = [m for m in found.supernet.modules() if isinstance(m, MixedOperation)]
        assert sorted(Counter(place for place, _ in counted).values()) == [1] * len(mixtures)
        assert set(counted.values()) == {1}


def test_gdas_weighs_by_one_hots_and_passes_gradients_to_alpha():
    found = randomised(search("gdas"))
    ((share, mixture),) = found.draws("alphas")
    rows = mixture.weights["cell"]
    assert share == 1.0
    torch.testing.assert_close(rows.detach().sort(-1).values, torch.tensor([0.0, 0, 0, 0, 1]).expand(6, 5))
    assert torch.equal(rows > 0.5, mixture.active["cell"])
    _, (slope,) = found.alpha_gradients(batch())
    computed = [found.supernet.operations[int(row.argmax())] != NONE for row in rows]
    assert slope.abs().sum() > 0
    assert any(computed)


@pytest.mark.parametrize("temperature", [10.0, 1.0, 0.1])
def test_gdas_draws_by_the_softmax_of_alpha_whatever_the_temperature(temperature):
    found = randomised(search("gdas"))
    generator, count = torch.Generator().manual_seed(1), 4000
    drawn = torch.zeros(6, 5)
    for _ in range(count):
        drawn += gumbel(found.supernet, found.alphas, temperature, generator, hard=True).active["cell"]
    expected = found.alphas["cell"].softmax(-1)
    deviation = (expected * (1 - expected) / count).sqrt()
    assert ((drawn / count - expected).abs() < 5 * deviation).all()


def test_the_temperature_of_gdas_falls_from_ten_to_a_tenth():
    found = search("gdas", epochs=12)
    seen = []
    for epoch in range(12):
        found.step = epoch * found.steps_per_epoch
        seen.append(found.temperature)
    assert seen == pytest.approx([10 - 0.9 * epoch for epoch in range(12)])


def test_snas_computes_all_and_has_one_level():
    found = randomised(search("snas"))
    counted = calls(found)
    found.expected_loss(batch()["train"], "alphas")
    assert set(counted.values()) == {1}
    assert len(counted) == 3 * 6 * 4  # three cells, six edges, and none is never computed beside others
    assert found.order == ("both",)


def test_weights_of_drnas_are_of_the_dirichlet_distribution():
    found = randomised(search("drnas"))
    drawn = torch.stack([found.draws("alphas")[0][1].weights["cell"].detach() for _ in range(10_000)])
    torch.testing.assert_close(drawn.sum(-1), torch.ones(10_000, 6))
    concentration = torch.nn.functional.elu(found.alphas["cell"].detach()) + 1
    expected = concentration / concentration.sum(-1, keepdim=True)
    deviation = (expected * (1 - expected) / (concentration.sum(-1, keepdim=True) + 1) / 10_000).sqrt()
    assert ((drawn.mean(0) - expected).abs() < 5 * deviation).all()


def test_drnas_begins_uniformly_on_the_simplex_and_its_gradients_reach_alpha():
    found = search("drnas")
    concentration = torch.nn.functional.elu(found.alphas["cell"]) + 1
    torch.testing.assert_close(concentration.detach(), torch.ones(6, 5), atol=5e-3, rtol=0)
    assert (found.alpha_gradients(batch())[1][0].abs() > 0).float().mean() > 0.5


def test_the_divergence_of_drnas_is_least_at_the_uniform_distribution():
    found = search("drnas", divergence=1.0)
    assert found.penalty().item() == pytest.approx(0, abs=1e-4)
    assert randomised(found).penalty().item() > 0.1


def test_parsec_draws_whole_architectures_and_weighs_them_by_their_likelihood():
    found = randomised(search("parsec", samples=3))
    pair = batch()
    _, (slope,) = found.alpha_gradients(pair)
    shares, paths = zip(*found.weight_draws(pair["train"]), strict=True)
    assert all(path.active["cell"].sum(-1).tolist() == [1] * 6 for path in paths)
    with torch.no_grad():
        losses = torch.stack([found.loss(pair["valid"], path) for path in paths])
    torch.testing.assert_close(torch.tensor(shares), (-8 * losses).softmax(0))
    # ∂ log p / ∂α is what was drawn minus the softmax
    drawn = sum(share * path.weights["cell"] for share, path in zip(shares, paths, strict=True))
    torch.testing.assert_close(slope, found.alphas["cell"].detach().softmax(-1) - drawn)


def test_parsec_draws_by_the_softmax_of_alpha():
    found, count = randomised(search("parsec", samples=4000)), 4000
    drawn = sum(path.weights["cell"].detach() for _, path in found.draws("alphas")) / count
    expected = found.alphas["cell"].detach().softmax(-1)
    assert ((drawn - expected).abs() < 5 * (expected * (1 - expected) / count).sqrt()).all()


def test_dropnas_drops_each_operation_of_four_with_seven_percent_and_never_a_whole_group():
    found = darts_cells("dropnas")
    kept = torch.stack([found.draws("alphas")[0][1].active["normal"] for _ in range(1000)]).float()
    convolutions = torch.tensor(["conv" in name for name in found.supernet.operations])
    assert convolutions.sum() == 4
    assert kept.mean().item() == pytest.approx(1 - 3e-5**0.25, abs=0.005)
    assert all(kept[..., group].sum(-1).min() >= 1 for group in (convolutions, ~convolutions))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_step_of_dropnas_leaves_the_shares_of_what_it_dropped():
    found = randomised(search("dropnas", epochs=1, rate_of_groups=0.2, alpha_rate=0.5))
    seen = []
    original = found.move_alphas

    def watched():
        before = found.alphas["cell"].detach().softmax(-1)
        original()
        dropped = ~found._kept["cell"]
        seen.append(int(dropped.sum()))
        torch.testing.assert_close(found.alphas["cell"].detach().softmax(-1)[dropped], before[dropped])

    found.move_alphas = watched
    fit(found)
    assert sum(seen) > 0
