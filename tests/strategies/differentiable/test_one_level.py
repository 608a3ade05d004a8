"""StacNAS, DOTS and BayesNAS: what they leave after each stage, and by which rule."""

from __future__ import annotations

import math

import pytest
import torch
from differentiable_searches import darts_cells, randomised, search

from nni_nasplus import UserError
from nni_nasplus.networks.supernet import NONE
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.strategies.differentiable.one_level.bayes_nas import relevance
from nni_nasplus.strategies.differentiable.one_level.stac_nas import clusters

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def named(found, active):
    """The operations on each edge."""
    names = found.supernet.operations
    return {
        edge: [name for name, on in zip(names, row, strict=True) if on]
        for cell, rows in active.items()
        for edge, row in zip([e for e in found.supernet.edges if e.cell == cell], rows.tolist(), strict=True)
    }


def at(found, epoch):
    found.step = epoch * found.steps_per_epoch
    return found


def test_clusters_are_kernels_of_several_sizes_and_all_pools():
    found = darts_cells("stacnas")
    assert sorted(set(clusters(found.supernet.operations).values())) == sorted(
        ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3"]
    )
    assert clusters(("a", "g", "ag")) == {"a": "a", "g": "g", "ag": "ag"}


def test_stacnas_computes_one_operation_of_each_cluster_and_then_a_whole_cluster():
    found = randomised(darts_cells("stacnas", epochs=2))
    ((_, mixture),) = found.draws("alphas")
    first = {"none", "max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3"}
    assert all(set(names) == first for names in named(found, mixture.active).values())
    assert all(torch.allclose(rows.sum(-1), torch.ones(14)) for rows in mixture.weights.values())
    chosen = dict(found.supernet.selected(found.derived()))
    at(found, 1).epoch_ends({})
    of = clusters(found.supernet.operations)
    for edge in found.supernet.edges:
        expected = [name for name in found.supernet.operations if of[name] == of.get(chosen.get(edge))]
        assert found.supernet.alive(edge) == expected
    assert len(chosen) == 16


@pytest.mark.system
def test_the_second_stage_of_stacnas_begins_anew_and_answers_within_the_clusters():
    found = darts_cells("stacnas", epochs=2, layers=[3, 4])
    first = found.supernet
    fit(found)
    assert found.supernet is not first
    assert len(found.supernet.net.cells) == 4
    alive = {edge: found.supernet.alive(edge) for edge in found.supernet.edges}
    assert all(name in alive[edge] for edge, name in found.supernet.selected(found.derived()))
    assert sum(bool(names) for names in alive.values()) == 16


def test_stacnas_has_two_stages():
    with pytest.raises(UserError, match=r"^dropout is \[0.1\]; use a rate for each of the two stages$"):
        darts_cells("stacnas", layers=[], dropout=[0.1])


def test_the_epochs_of_dots_are_the_published_ones():
    found = darts_cells("dots")
    assert (found.epochs, found.parts) == (70, (15, 30, 50))
    assert [epoch for epoch in range(70) if at(found, epoch).alphas_move] == [*range(15, 30), *range(50, 70)]
    assert at(found, 50).temperature == pytest.approx(10.0)
    assert at(found, 60).temperature == pytest.approx(10 * 0.002 ** (10 / 19))
    assert at(found, 69).temperature == pytest.approx(0.02)


def test_groups_of_dots_have_softmaxes_of_their_own():
    found = randomised(darts_cells("dots"))
    ((_, mixture),) = found.draws("alphas")
    convolutions = torch.tensor(["conv" in name for name in found.supernet.operations])
    for rows in mixture.weights.values():
        torch.testing.assert_close(rows[:, convolutions].sum(-1), torch.ones(14))
        torch.testing.assert_close(rows[:, ~convolutions].sum(-1), torch.ones(14))


def test_dots_leaves_the_best_of_each_group_and_never_none():
    found = randomised(darts_cells("dots"))
    at(found, 30).epoch_ends({})
    for cell, rows in found.alphas.items():
        edges = [edge for edge in found.supernet.edges if edge.cell == cell]
        for edge, row in zip(edges, rows.tolist(), strict=True):
            weights = dict(zip(found.supernet.operations, row, strict=True))
            groups = [[n for n in weights if ("conv" in n) is first and n != NONE] for first in (True, False)]
            assert set(found.supernet.alive(edge)) == {max(group, key=weights.__getitem__) for group in groups}


def test_the_share_of_an_edge_is_that_of_the_pairs_it_is_part_of():
    found = at(darts_cells("dots"), 60)
    assert [len(found.betas[f"normal {node}"]) for node in (2, 3, 4, 5)] == [1, 3, 6, 10]
    with torch.no_grad():
        found.betas["normal 3"].copy_(found.temperature * torch.tensor([0.5, 0.3, 0.2]).log())
    shares = found.shares()["normal"]
    torch.testing.assert_close(shares[2:5], torch.tensor([0.8, 0.7, 0.5]))  # of the pairs 01, 02 and 12
    torch.testing.assert_close(shares.sum(), torch.tensor(8.0))


def test_dots_answers_with_the_best_pair_whatever_its_operations_weigh():
    found = at(darts_cells("dots"), 69)
    for edge in found.supernet.edges:
        for name in found.supernet.operations[2:-1]:
            found.supernet.prune(edge, name)
    with torch.no_grad():
        found.alphas["normal"].zero_()
        found.alphas["normal"][:, -1] = torch.linspace(3, -3, 14)
        found.betas["normal 5"][9] = 1.0
    chosen = [(edge.source, name) for edge, name in found.supernet.selected(found.derived()) if edge.cell == "normal"]
    assert {source for source, _ in chosen[6:]} == {3, 4}
    assert chosen[0][1] == "dil_conv_5x5"
    assert chosen[-1][1] == "max_pool_3x3"


@pytest.mark.system
def test_a_search_by_dots_trains_both_kinds_of_weights():
    found = darts_cells("dots", epochs=4, alpha_rate=0.1)
    before = {name: beta.detach().clone() for name, beta in found.betas.items()}
    fit(found)
    assert any(not torch.equal(before[name], beta) for name, beta in found.betas.items())
    assert {len(found.supernet.alive(edge)) for edge in found.supernet.edges} == {2}


@pytest.mark.parametrize(("curvature", "optimum", "stays"), [(4.0, 0.6, True), (4.0, 0.4, False), (25.0, 0.3, True)])
def test_a_gate_of_bayes_nas_stays_where_curvature_times_its_square_is_more_than_one(curvature, optimum, stays):
    """Of the loss ½h(gate − a)² + ω · |gate|, whose best gate is a soft threshold of a."""
    variance, gate = torch.ones(1), torch.full((1,), optimum)
    for _ in range(300):
        variance, penalty = relevance(gate, variance, torch.full((1,), curvature))
        gate = (optimum - penalty / curvature).clamp(min=0)
    assert (variance.item() > 1e-3) is stays
    if stays:
        assert variance.item() == pytest.approx(optimum**2 - 1 / curvature, rel=0.02)


def test_bayes_nas_prunes_what_has_no_entropy_left_but_not_the_last_that_leads_to_a_node():
    found = search("bayes-nas")
    small = 0.9 / (2 * math.pi * math.e)
    variances = torch.ones(6, 5)
    variances[0], variances[4, 1], variances[4, 2] = small, small, 1.3 * small
    found.memory["variances"] = {"cell": variances}
    for edge in found.supernet.edges:
        found._prune(edge)
    counts = [len(found.supernet.alive(edge)) for edge in found.supernet.edges]
    assert counts == [1, 4, 4, 4, 3, 4]


def test_gates_of_bayes_nas_begin_equal_and_are_penalised_by_their_size():
    found = search("bayes-nas", strength=0.5)
    ((_, mixture),) = found.draws("alphas")
    expected = torch.tensor([0.0, 0.2, 0.2, 0.2, 0.2]).expand(6, 5)
    torch.testing.assert_close(mixture.weights["cell"], expected, atol=2e-3, rtol=0)
    found.memory["penalties"] = {"cell": torch.arange(30.0).view(6, 5)}
    (slope,) = torch.autograd.grad(found.penalty(), found.architecture_parameters)
    torch.testing.assert_close(slope, 0.5 * torch.arange(30.0).view(6, 5))
