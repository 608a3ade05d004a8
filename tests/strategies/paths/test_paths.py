"""Supernets trained by paths: what a step trains, and what the search after it finds."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from differentiable_searches import batch, search
from supernets import DARTS_SPACE, NB201_SPACE, darts, nasbench201

from nni_nasplus import UserError
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.one_shot.paths import drawn_genes
from nni_nasplus.search.strategy import make_strategy

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
QUICK = {"epochs": 1, "rounds": 3, "population": 6, "parents": 3, "batches": 1}


def descended(found):
    """A search after the gradients of a step."""
    found.manual_backward = lambda loss: loss.backward()
    found._descend(batch(), found.weight_draws(batch()["train"]))
    return found


def edge_and_operation(name):
    """Of a weight's name; None where it belongs to no operation."""
    parts = name.split(".")
    if "operations" not in parts:
        return None
    place = parts.index("operations")
    return int(parts[place - 1]), parts[place + 1]


@pytest.mark.parametrize("name", ["rsps", "spos"])
def test_weights_off_the_path_have_no_gradient(name):
    found = descended(search(name))
    path = list(found.path().values())
    for weight, values in found.supernet.named_parameters():
        place = edge_and_operation(weight)
        if place is not None and path[place[0]] != place[1]:
            assert values.grad is None, weight


def test_every_operation_of_every_edge_is_drawn_equally_often():
    found, count = search("rsps"), 2000
    drawn = Counter()
    for found.step in range(count):
        drawn.update(found.path().items())
    assert len(drawn) == 30
    spread = 4 * np.sqrt(count * 0.2 * 0.8)
    assert all(abs(number - count / 5) < spread for number in drawn.values())


def test_the_edges_of_darts_cells_are_drawn_equally_often():
    supernet, rng, drawn = darts(), np.random.default_rng(0), Counter()
    for _ in range(500):
        cell = supernet.derive(drawn_genes(supernet, rng))
        drawn.update(edge.source for edge, _ in supernet.selected(cell) if (edge.cell, edge.target) == ("normal", 5))
    assert sorted(drawn) == [0, 1, 2, 3, 4]
    assert all(abs(number - 200) < 4 * np.sqrt(500 * 0.4 * 0.6) for number in drawn.values())


def test_each_step_of_fairnas_trains_each_operation_exactly_once():
    found = search("fairnas")
    for found.step in range(3):
        paths = [mixture.active["cell"] for _, mixture in found.weight_draws(None)]
        assert len(paths) == 5
        assert all((path.sum(-1) == 1).all() for path in paths)
        assert (torch.stack(paths).sum(0) == 1).all()


def test_with_one_operation_an_edge_fairnas_is_spos():
    def only_convolutions(name):
        found = search(name)
        for edge in found.supernet.edges:
            for operation in found.supernet.alive(edge):
                if operation != "nor_conv_3x3":
                    found.supernet.prune(edge, operation)
        return descended(found)

    fair, single = (only_convolutions(name).supernet.parameters() for name in ("fairnas", "spos"))
    for one, other in zip(fair, single, strict=True):
        assert (one.grad is None) == (other.grad is None)
        assert one.grad is None or torch.equal(one.grad, other.grad)


def test_the_loss_of_nsas_is_half_that_of_its_archive():
    found = search("nsas", archive=3)
    for found.step in range(8):
        draws = found.weight_draws(None)
        assert sum(share for share, _ in draws) == pytest.approx(1.0)
    assert [share for share, _ in draws] == pytest.approx([0.5, *[0.5 / 3] * 3])
    archive = found.memory["archive"]
    assert len({str(one) for one in archive}) == 3


def test_evolution_scores_nothing_twice_and_ends_with_the_best_of_all():
    found = search("spos", **QUICK)
    scored, original = [], found.inherited
    found.inherited = lambda architecture, batches: scored.append(str(architecture)) or original(architecture, batches)
    ranking = fit(found)
    assert len(scored) == len(set(scored)) == len(ranking) == 18
    assert ranking.ranks.tolist() == sorted(ranking.ranks.tolist())


def test_evolution_finds_what_a_planted_loss_prefers():
    """The number of 3×3 convolutions: random paths have 1.2 of six."""
    found = search("spos", **{**QUICK, "rounds": 10, "population": 12})
    found.inherited = lambda architecture, _: -list(architecture.values()).count("nor_conv_3x3")
    rng = np.random.default_rng(0)
    (best, loss), *_ = found.searched(rng)
    assert loss <= -5
    assert list(best.values()).count("nor_conv_3x3") == -loss


@pytest.mark.parametrize("name", ["rsps", "spos"])
def test_what_exceeds_a_limit_is_never_scored(name):
    options = QUICK if name == "spos" else {"epochs": 1, "samples": 10, "batches": 1, "finalists": 2}
    found, scored = search(name, **options), []
    found.excess = lambda one: "too many convolutions" if list(one.values()).count("nor_conv_3x3") > 1 else None
    found.inherited = lambda architecture, _: scored.append(architecture) or len(scored)
    found.searched(np.random.default_rng(0))
    assert scored
    assert all(list(one.values()).count("nor_conv_3x3") <= 1 for one in scored)


def test_a_limit_that_no_path_meets_is_named():
    found = search("spos", **QUICK)
    found.excess = lambda _: "parameters 1,000 is more than the limit 10"
    message = "none of 600 paths of the supernet keeps to the limits: parameters 1,000 is more than the limit 10"
    with pytest.raises(UserError, match=f"^{message}$"):
        found.searched(np.random.default_rng(0))
    found.weight_draws = None  # nothing is trained
    with pytest.raises(UserError, match=f"^{message.replace('600', '2,000')}$"):
        fit(found)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "spos",
            {"population": 20_000},
            "population is 20000; the space has 15625 architectures, use as many or fewer",
        ),
        ("spos", {"mutation": 0.0}, "mutation is 0.0; use more than 0, and 1 at most"),
        ("spos", {"rounds": 0}, "rounds is 0; use 1 or more"),
        ("rsps", {"samples": 0}, "samples is 0; use 1 or more"),
        ("nsas", {"archive": 0}, "archive is 0; use 1 or more"),
        ("setn", {"candidates": 0}, "candidates is 0; use 1 or more"),
    ],
)
def test_options_out_of_range_are_named_before_data_are_read(name, options, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        make_strategy(name, options).check_space(NB201_SPACE)


def test_the_checkpoint_of_another_supernet_is_named(tmp_path):
    options = {"epochs": 1, "samples": 2, "batches": 1, "finalists": 1}
    fit(search("rsps", **options), tmp_path)
    message = r"the checkpoint's search has supernet=NasBench201Supernet of [\d,]+ weights; go on with that"
    with pytest.raises(UserError, match=f"^{message}$"):
        fit(search("rsps", DARTS_SPACE, **options), tmp_path)


def test_alpha_moves_in_its_own_step_of_setn_and_weights_along_a_path():
    found = descended(search("setn"))
    assert all(alpha.grad is None for alpha in found.alphas.values())
    trained = {edge_and_operation(name) for name, w in found.supernet.named_parameters() if w.grad is not None}
    assert len({edge for edge, _ in trained - {None}}) == len(trained - {None})
    assert found.alpha_gradients(batch())[1][0].abs().sum() > 0


def test_the_same_genes_are_the_same_path_and_masks_are_kept():
    supernet, rng = nasbench201(), np.random.default_rng(0)
    for one, other in pairwise(supernet.operations):
        assert one != other
        if one in supernet.alive(supernet.edges[0]) and len(supernet.alive(supernet.edges[0])) > 1:
            supernet.prune(supernet.edges[0], one)
    (left,) = supernet.alive(supernet.edges[0])
    assert {supernet.derive(drawn_genes(supernet, rng))["op_0_1"] for _ in range(20)} == {left}


def test_the_parents_of_fairnas_are_those_that_nothing_dominates_in_loss_and_weights():
    found = search("fairnas", **{**QUICK, "parents": 3})
    cells = [dict.fromkeys(found.path(), name) for name in ("skip_connect", "nor_conv_1x1", "nor_conv_3x3", "none")]
    scored = [(loss, cell, cell) for loss, cell in zip((2.0, 1.0, 0.5, 9.0), cells, strict=True)]
    parents = [next(iter(one.values())) for one in found._parents(scored)]
    assert set(parents[:2]) == {"skip_connect", "nor_conv_3x3"}, "the ends of the front come first"
    assert parents[2] == "nor_conv_1x1"
