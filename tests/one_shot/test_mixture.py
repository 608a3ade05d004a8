"""α and the mixtures that they become."""

from __future__ import annotations

import math

import pytest
import torch
from supernets import darts, events, nasbench201

from nni_nasplus.one_shot.mixture import entropy, new_alphas, softmax

every = pytest.mark.parametrize("make", [darts, nasbench201, events])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@every
def test_an_edge_is_undecided_at_first(make):
    supernet = make()
    alphas, again = (new_alphas(supernet, generator()) for _ in range(2))
    number = len(supernet.operations)
    for values in entropy(softmax(supernet, alphas)).values():
        assert values.tolist() == pytest.approx([math.log(number)] * len(values), abs=1e-5)
    assert all(torch.equal(alphas[cell], again[cell]) for cell in supernet.masks)


@every
def test_the_alphas_are_small_at_first(make):
    values = torch.cat([a.flatten() for seed in range(4) for a in new_alphas(make(), generator(seed)).values()])
    assert values.std().item() == pytest.approx(1e-3, rel=0.2)


@every
def test_weights_are_the_softmax_of_what_is_alive_and_nothing_else_is_active(make):
    supernet = make()
    alphas = {cell: torch.randn(mask.shape, generator=generator()) for cell, mask in supernet.masks.items()}
    edge, gone = supernet.edges[-1], supernet.operations[1]
    supernet.prune(edge, gone)
    mixture = softmax(supernet, alphas)
    row, alpha = mixture.weights[edge.cell][-1], alphas[edge.cell][-1]
    kept = [i for i in range(len(row)) if i != 1]
    torch.testing.assert_close(row[kept], alpha[kept].softmax(0))
    assert row[1] == 0
    assert mixture.active[edge.cell][-1].tolist() == [i != 1 for i in range(len(row))]


def test_a_mixture_stays_what_it_was_when_more_is_pruned():
    supernet = nasbench201()
    mixture = softmax(supernet, new_alphas(supernet, generator()))
    supernet.prune(supernet.edges[0], "skip_connect")
    assert mixture.active["cell"].all()


def test_the_alpha_of_what_is_pruned_does_not_move():
    supernet = nasbench201()
    alphas = new_alphas(supernet, generator())
    supernet.prune(supernet.edges[0], "skip_connect")
    supernet(torch.randn(2, 3, 8, 8), softmax(supernet, alphas)).sum().backward()
    assert alphas["cell"].grad[0, 1] == 0
    assert alphas["cell"].grad[0, 2] != 0
