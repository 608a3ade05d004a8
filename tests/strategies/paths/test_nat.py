"""NAT: what its policy may do to a cell, and what it learns."""

from __future__ import annotations

import pytest
import torch
from differentiable_searches import batch, darts_cells, search
from event_path_space import event_space
from supernets import NB201_SPACE

from nni_nasplus import UserError
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.search.strategy import make_strategy

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
QUICK = {"epochs": 1, "steps": 2, "cells": 2, "rewritings": 2, "samples": 6, "batches": 1}
CONVOLUTIONS = dict.fromkeys(NB201_SPACE.search_space.decisions, "nor_conv_3x3")
GONE, SKIP = "none", "skip_connect"


def rewritings(found, cell, count=40):
    return [found.supernet.derive(genes) for genes, _ in zip(found.rewritten(cell), range(count), strict=False)]


def test_operations_stay_or_become_skips_or_nothing_and_nothing_may_become_a_skip():
    found = search("nat")
    after = {name for one in rewritings(found, CONVOLUTIONS) for name in one.values()}
    assert after == {"nor_conv_3x3", SKIP, GONE}
    assert {name for one in rewritings(found, dict.fromkeys(CONVOLUTIONS, SKIP)) for name in one.values()} == {
        SKIP,
        GONE,
    }
    assert {name for one in rewritings(found, dict.fromkeys(CONVOLUTIONS, GONE)) for name in one.values()} == {
        SKIP,
        GONE,
    }


def test_cells_of_darts_keep_their_edges_and_lose_no_operation():
    found = darts_cells("nat")
    cell = found.path()
    kept = {edge for edge, _ in found.supernet.selected(cell)}
    before = {operation for _, operation in found.supernet.selected(cell)}
    for one in rewritings(found, cell, 10):
        selected = found.supernet.selected(one)
        assert {edge for edge, _ in selected} == kept
        assert {operation for _, operation in selected} <= before | {SKIP}


def test_the_probabilities_of_all_transitions_add_up_to_one_and_those_not_allowed_have_none():
    found = search("nat")
    path, _ = found.rewritable({**CONVOLUTIONS, "op_0_1": SKIP})
    shares = found.policy(path).exp()
    torch.testing.assert_close(shares.sum(-1), torch.ones(6))
    assert shares[~path.allowed].tolist() == [0.0]


def test_operations_are_linked_where_one_is_computed_of_the_other():
    found = search("nat")
    path, places = found.rewritable(CONVOLUTIONS)
    edges = [found.supernet.edges[row] for _, row, _ in places]
    pairs = {(edges[i], edges[j]) for i, j in path.linked.nonzero().tolist()}
    assert pairs == {(a, b) for a in edges for b in edges if a.target == b.source}


def test_weights_off_the_rewritten_path_have_no_gradient_nor_has_the_policy():
    found = search("nat")
    found.manual_backward = lambda loss: loss.backward()
    ((_, mixture),) = draws = found.weight_draws(None)
    found._descend(batch(), draws)
    assert all(parameter.grad is None for parameter in found.policy.parameters())
    assert mixture.active["cell"].sum() == 6


def test_a_policy_learns_to_remove_what_a_planted_loss_dislikes(monkeypatch):
    """The loss counts 3×3 convolutions: a third of them stays at first."""
    found = search("nat", entropy=0.0, rewritings=20)
    monkeypatch.setattr(found, "_loss_of", lambda _, one: torch.tensor(float(list(one.values()).count("nor_conv_3x3"))))
    optimizer = torch.optim.Adam(found.policy.parameters(), 0.02)
    for _ in range(30):
        optimizer.zero_grad()
        found.policy_loss(None, CONVOLUTIONS).backward()
        optimizer.step()
    stays = [name for one in rewritings(found, CONVOLUTIONS) for name in one.values()].count("nor_conv_3x3") / 240
    assert stays < 0.1


def test_what_is_ranked_is_the_given_cell_and_what_was_made_of_it():
    text = NB201_SPACE.genotype(CONVOLUTIONS)
    found = fit(search("nat", **QUICK, given=text)).architectures
    assert CONVOLUTIONS in found
    assert len(found) == 7
    assert all(name in ("nor_conv_3x3", SKIP, GONE) for one in found for name in one.values())


def test_what_cannot_be_rewritten_is_named_before_data_are_read():
    with pytest.raises(UserError, match=r"^nat puts skips in the place of operations, and EventSequenceSpace has none"):
        make_strategy("nat", {}).check_space(event_space())
    with pytest.raises(UserError, match="genotype"):
        make_strategy("nat", {"given": "|none|"}).check_space(NB201_SPACE)
