"""EdMIPS: what the cost in the loss does to the bits."""

from __future__ import annotations

import pytest
import torch
from one_shot_searches import BITS, Host, Labelled, small

from nni_nasplus import UserError, registry
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.one_shot.mixture import softmax

EdMIPS = registry.load("one_shot", "edmips")
QUICK = {"epochs": 2, "alpha_rate": 0.3}


def search(**options):
    return made(EdMIPS, BITS, Labelled(), seed=0, **{**QUICK, **options})


def test_at_first_all_bits_weigh_alike():
    found = search()
    shares = softmax(found.supernet, found.alphas).weights
    assert all(torch.equal(rows, torch.full_like(rows, 0.5)) for rows in shares.values())
    assert float(found.expected_cost.detach()) == pytest.approx(25 * sum(BITS.macs.values()))


def test_a_larger_factor_leaves_fewer_expected_bit_operations():
    costs = []
    for complexity in (0.0, 1e-3, 1e-1):
        found = search(complexity=complexity)
        fit(found)
        costs.append(float(found.expected_cost.detach()))
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.7 * costs[0]


def test_where_cost_is_all_that_counts_the_fewest_bits_win_and_are_told():
    host = Host()
    (best, *_) = fit(small("edmips", reporter=host, complexity=10.0, alpha_rate=0.5)).architectures
    assert best == BITS.uniform(2)
    assert host.told[0]["bit_operations"] > host.told[-1]["bit_operations"]


def test_the_cost_is_relative_to_the_first_layer():
    found = search(complexity=1.0)
    assert float(found.penalty().detach()) == pytest.approx(
        25 * sum(BITS.macs.values()) / next(iter(BITS.macs.values()))
    )


def test_a_factor_below_0_is_refused():
    with pytest.raises(UserError, match=r"complexity is -1\.0; use 0 or more"):
        search(complexity=-1.0)
