"""SGAS, DARTS-PT, P-DARTS: searches that decide on the way."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from differentiable_searches import batch, darts_cells, randomised, search

from nni_nasplus import UserError
from nni_nasplus.networks.supernet import NONE, SKIP
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.strategies.differentiable.stages import alive_after, skip_dropout

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def alive(found):
    return {cell: int(mask.sum()) for cell, mask in found.supernet.masks.items()}


@pytest.mark.parametrize("criterion", [1, 2])
def test_after_the_last_decision_of_sgas_eight_edges_of_a_cell_have_one_operation(criterion):
    found = darts_cells("sgas", epochs=4, criterion=criterion)
    fit(found)
    assert alive(found) == {"normal": 8, "reduce": 8}
    assert all(NONE not in found.supernet.alive(edge) for edge in found.supernet.edges)
    assert [name for _, name in found.supernet.selected(found.derived())] == [
        found.supernet.alive(edge)[0] for edge, _ in found.supernet.selected(found.derived())
    ]


def test_sgas_decides_after_every_fifth_epoch_from_the_ninth_on():
    found = darts_cells("sgas", epochs=50)
    due = []
    for epoch in range(1, 51):
        found.step = epoch * found.steps_per_epoch
        due.append(found._due("normal"))
    assert [epoch for epoch in range(1, 50) if due[epoch] > due[epoch - 1]] == [9, 14, 19, 24, 29, 34, 39, 44]
    assert due[-1] == 8


def test_a_decided_alpha_of_sgas_has_no_gradient():
    found = randomised(search("sgas"))
    edge = found.supernet.edges[0]
    found.decide(edge, found._shares(found.strengths()["cell"].detach()))
    slope = found.alpha_gradients(batch())[1][0]
    assert (slope[0] == 0).all()
    assert (slope[1] != 0).any()


def test_sgas_decides_the_most_certain_edge_first():
    found = search("sgas", epochs=2)
    with torch.no_grad():
        found.alphas["cell"].zero_()
        found.alphas["cell"][4, 2] = 5.0
    shares = found._shares(found.strengths()["cell"].detach())
    scores = found._scores("cell", found._undecided("cell"), shares)
    assert scores.index(max(scores)) == 4


def test_darts_pt_plans_fourteen_edges_and_three_nodes_in_an_order_of_the_seed():
    plans = [darts_cells("darts-pt", seed=seed)._plan() for seed in (0, 0, 1)]
    assert [len(decision) for decision in plans[0]] == [2] * 17
    assert [len(cell) for cell in plans[0][0]] == [1, 1]
    assert sorted(len(decision[0]) for decision in plans[0][14:]) == [3, 4, 5]
    assert plans[0] == plans[1] != plans[2]
    assert darts_cells("darts-pt").epochs == 50 + 5 * 17


def test_darts_pt_leaves_one_operation_on_each_edge_that_is_left():
    found = darts_cells("darts-pt", epochs=1, tuning=1)
    for edge in found.supernet.edges:
        for name in found.supernet.operations[:-2]:
            found.supernet.prune(edge, name)  # two are quick to choose from
    for decision in range(len(found._plan())):
        found.step = decision + 1
        found.epoch_ends({})
    assert alive(found) == {"normal": 8, "reduce": 8}


def test_alpha_of_a_blank_supernet_stays_bit_by_bit():
    found = search("darts-pt", epochs=1, tuning=1, blank=True)
    before = found.alphas["cell"].detach().clone()
    fit(found)
    assert torch.equal(found.alphas["cell"], before)
    assert alive(found) == {"cell": 6}


def test_without_an_operation_the_others_weigh_what_they_did():
    found = randomised(search("darts-pt"))
    edge = found.supernet.edges[1]
    mixture = found.draws("alphas")[0][1]
    less = found._without(mixture, edge, "nor_conv_3x3")
    removed = found.supernet.operations.index("nor_conv_3x3")
    kept = torch.ones(6, 5, dtype=torch.bool)
    kept[1, removed] = False
    assert torch.equal(less.weights["cell"], mixture.weights["cell"] * kept)
    assert torch.equal(less.active["cell"], kept)


def test_p_darts_leaves_five_three_and_one_operation_on_each_edge_nested():
    found = darts_cells("p-darts", epochs=3)
    counts, masks = [alive(found)], []
    original = found.epoch_ends

    def watched(pair):
        original(pair)
        counts.append(alive(found))
        masks.append({cell: mask.clone() for cell, mask in found.supernet.masks.items()})

    found.epoch_ends = watched
    fit(found)
    assert [count["normal"] for count in counts] == [112, 70, 42, 42]
    assert [14 * alive_after(8, stage) for stage in range(3)] == [70, 42, 14]
    assert all((later[cell] <= earlier[cell]).all() for earlier, later in pairwise(masks) for cell in later)
    assert len(found.supernet.selected(found.derived())) == 16
    first = [edge for edge in found.supernet.edges if edge.cell == "normal"]
    skips = [name for edge, name in found.supernet.selected(found.derived()) if edge in first and name == SKIP]
    assert len(skips) <= 2


def test_p_darts_takes_out_the_weakest_skips():
    found = darts_cells("p-darts", epochs=3)
    column = found.supernet.operations.index(SKIP)
    with torch.no_grad():
        for alpha in found.alphas.values():
            alpha.zero_()
            alpha[:, column] = torch.linspace(1, 2, 14)
    chosen = found.supernet.selected(found.derived())
    assert sum(name == SKIP for edge, name in chosen if edge.cell == "normal") == 2
    assert sum(name == SKIP for edge, name in chosen if edge.cell == "reduce") == 8


def test_the_weights_and_alpha_of_a_stage_are_new():
    found = darts_cells("p-darts", epochs=3)
    first = found.supernet
    fit(found)
    assert found.stage == 2
    assert found.supernet is not first


def test_dropout_after_skips_jumps_back_as_published():
    rates = [skip_dropout(0.4, epoch, 25) for epoch in (0, 9, 10, 11)]
    assert rates == pytest.approx([0.4 * 24 / 25, 0.4 * 15 / 25, 0.4, 0.4 * math.exp(-0.2)])


def test_more_stages_than_epochs_are_refused():
    with pytest.raises(UserError, match=r"^epochs is 2; use 3 or more, one for each stage$"):
        darts_cells("p-darts", epochs=2)
    with pytest.raises(UserError, match=r"^NasBench201Space has no layers to grow; leave layers out$"):
        search("p-darts", epochs=3, layers=[5, 11, 17])


def test_a_deeper_supernet_follows():
    found = darts_cells("p-darts", epochs=3, layers=[3, 4, 5])
    depths = [len(found.supernet.net.cells)]
    original = found._enter
    found._enter = lambda stage: (original(stage), depths.append(len(found.supernet.net.cells)))
    fit(found)
    assert depths == [3, 4, 5]


def test_xnas_multiplies_weights_by_the_exponential_of_the_reward():
    found = randomised(search("xnas", epochs=4, bound=0.5))
    before = found.alphas["cell"].detach().exp()
    slope = 2 * torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    found.alphas["cell"].grad = slope
    found.move_alphas()
    after = found.alphas["cell"].detach().exp()
    eta = math.sqrt(2 * math.log(5) / 12) / 0.5
    torch.testing.assert_close(after, before * torch.exp(-eta * slope.clamp(-0.5, 0.5)))


def test_xnas_wipes_out_what_cannot_catch_up_and_nothing_else():
    found = search("xnas", epochs=4)
    with torch.no_grad():
        found.alphas["cell"].zero_()
        found.alphas["cell"][0, 1] = -2.2 * found.eta * found.steps
        found.alphas["cell"][1, 1] = -1.5 * found.eta * found.steps
    found.alphas["cell"].grad = torch.zeros(6, 5)
    found.move_alphas()
    assert SKIP not in found.supernet.alive(found.supernet.edges[0])
    assert alive(found) == {"cell": 29}


def test_xnas_ends_with_one_operation_on_each_edge():
    found = search("xnas", epochs=2)
    fit(found)
    assert alive(found) == {"cell": 6}


def test_asap_prunes_what_weighs_less_than_its_share_of_an_undecided_operation():
    found = search("asap", epochs=5, threshold=0.5, last_temperature=0.1)
    with torch.no_grad():
        found.alphas["cell"].zero_()
        found.alphas["cell"][3] = torch.tensor([0.0, 1.0, -2.0, 0.5, -3.0])
    found.epoch_ends({})
    assert found.supernet.alive(found.supernet.edges[3]) == ["none", "skip_connect", "nor_conv_3x3"]
    assert alive(found) == {"cell": 28}
    assert found.temperature == pytest.approx(1.0)
    found.step = 4 * found.steps_per_epoch
    assert found.temperature == pytest.approx(0.1)


def test_where_networks_choose_edges_an_edge_keeps_an_operation_beside_none():
    found = darts_cells("xnas", epochs=4)
    with torch.no_grad():
        for alpha in found.alphas.values():
            alpha.zero_()
            alpha[:, 0] = 9.0
    for alpha in found.alphas.values():
        alpha.grad = torch.zeros_like(alpha)
    found.step = found.steps
    found.move_alphas()
    assert all(
        NONE in found.supernet.alive(edge) and len(found.supernet.alive(edge)) == 2 for edge in found.supernet.edges
    )
    found.derived()
