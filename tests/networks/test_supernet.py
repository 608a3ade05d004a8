"""Supernets of every kind: alphas, masks, given weights, and what they derive."""

from __future__ import annotations

import copy
import math
import re

import pytest
import torch
from event_examples import SHAPE, random_batch
from supernets import darts, events, nasbench201, random_alphas

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.supernet import Edge, MixedOperation, Supernet
from nni_nasplus.spaces.events import EventSupernet

SUPERNETS = {"darts": darts, "nasbench201": nasbench201, "events": events}
every = pytest.mark.parametrize("make", SUPERNETS.values(), ids=SUPERNETS)


def example(supernet: Supernet):
    return random_batch(SHAPE, 3, 7) if isinstance(supernet, EventSupernet) else torch.randn(3, 3, 8, 8)


@every
def test_alphas_stay_outside_the_parameters(make):
    supernet = make()
    parameters = set(supernet.parameters())
    assert not parameters & set(supernet.architecture_parameters())
    supernet(example(supernet)).sum().backward()
    assert all(alpha.grad.abs().sum() > 0 for alpha in supernet.architecture_parameters())
    supernet.double()
    assert {alpha.dtype for alpha in supernet.architecture_parameters()} == {torch.float64}
    with torch.device("meta"):
        assert {alpha.device.type for alpha in make().architecture_parameters()} == {"meta"}


@every
def test_an_edge_is_undecided_at_first(make):
    supernet = make(generator=torch.Generator().manual_seed(0))
    number = len(supernet.operations)
    assert number == {"DartsSupernet": 8, "NasBench201Supernet": 5, "EventSupernet": 7}[type(supernet).__name__]
    for entropy in supernet.entropy().values():
        assert entropy.tolist() == pytest.approx([math.log(number)] * len(entropy), abs=1e-5)
    again = make(generator=torch.Generator().manual_seed(0))
    pairs = zip(supernet.architecture_parameters(), again.architecture_parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@every
def test_the_alphas_are_small_at_first(make):
    values = torch.cat([a.flatten() for seed in range(4) for a in make_seeded(make, seed).architecture_parameters()])
    assert values.std().item() == pytest.approx(1e-3, rel=0.2)


def make_seeded(make, seed: int) -> Supernet:
    return make(generator=torch.Generator().manual_seed(seed))


@every
def test_weights_are_the_softmax_of_what_is_alive(make):
    supernet = make()
    random_alphas(supernet, 0)
    edge, gone = supernet.edges[-1], supernet.operations[1]
    supernet.prune(edge, gone)
    row = supernet.weights()[edge.cell][-1]
    alpha = supernet.alphas[edge.cell][-1]
    kept = [i for i in range(len(row)) if i != 1]
    torch.testing.assert_close(row[kept], alpha[kept].softmax(0))
    assert row[1] == 0
    assert gone not in supernet.alive(edge)
    supernet.mode = "sum"
    assert supernet.weights()[edge.cell][-1].tolist() == [float(i != 1) for i in range(len(row))]
    torch.testing.assert_close(supernet.probabilities()[edge.cell][-1], row)


@every
def test_a_pruned_operation_is_not_computed_and_its_alpha_not_moved(make):
    supernet = make()
    edge, gone = supernet.edges[0], supernet.operations[2]
    mixtures = [m for m in supernet.modules() if isinstance(m, MixedOperation)]
    calls = []
    for mixture in mixtures:
        mixture.operations[gone].register_forward_hook(lambda *_: calls.append(1))
    supernet(example(supernet))
    before = len(calls)
    supernet.prune(edge, gone)
    calls.clear()
    supernet(example(supernet)).sum().backward()
    assert 0 < before - len(calls) < before
    assert supernet.alphas[edge.cell].grad[0, 2] == 0
    assert count_parameters(supernet) == count_parameters(make())


@every
@pytest.mark.parametrize("mode", ["softmax", "sum"])
def test_without_is_prune_for_a_while(make, mode):
    supernet = make(mode=mode).eval()
    batch = example(supernet)
    edge, gone = supernet.edges[0], supernet.operations[-1]
    whole = supernet(batch)
    with supernet.without(edge, gone):
        less = supernet(batch)
    assert not torch.allclose(whole, less)
    assert torch.equal(supernet(batch), whole)
    supernet.prune(edge, gone)
    assert torch.equal(supernet(batch), less)


def test_a_whole_edge_can_be_pruned():
    supernet = nasbench201(mode="sum").eval()
    images = torch.randn(2, 3, 8, 8)
    edge = Edge("cell", 0, 3)
    with supernet.without(edge):
        without = supernet(images)
        assert supernet.alive(edge) == []
        assert supernet.weights()["cell"][3].tolist() == [0.0] * 5
        assert supernet.derive()["op_0_3"] == "none"
    for name in supernet.operations[1:]:
        supernet.prune(edge, name)
    assert supernet.alive(edge) == ["none"]
    torch.testing.assert_close(supernet(images), without)


@every
def test_errors_are_named(make):
    supernet = make()
    edge = supernet.edges[0]
    with pytest.raises(UserError, match=r"^no edge \('cell', 7, 8\) in this supernet; its attribute edges lists them$"):
        supernet.alive(Edge("cell", 7, 8))
    with pytest.raises(UserError, match=re.escape(f"'conv9' is not alive on edge {tuple(edge)}; ")):
        supernet.prune(edge, "conv9")
    with pytest.raises(UserError, match="mode is 'max'; choose softmax or sum"):
        make(mode="max")


@every
def test_the_last_operation_that_leads_to_a_node_is_kept(make):
    supernet = make()
    first = [edge for edge in supernet.edges if (edge.cell, edge.target) == supernet.edges[0][::2]]
    for edge in first[1:]:
        supernet.prune(edge)
    for name in supernet.operations[1:]:
        supernet.prune(first[0], name)
    message = f"nothing else leads to node {first[0].target} of the {first[0].cell} cell; keep it"
    for last in (supernet.operations[0], None):
        with pytest.raises(UserError, match=message):
            supernet.prune(first[0], last)
        with pytest.raises(UserError, match=message), supernet.without(first[0], last):
            pass
    assert supernet.alive(first[0]) == [supernet.operations[0]]
    supernet(example(supernet))


def test_two_edges_must_lead_to_a_node_that_is_derived():
    supernet = darts()
    supernet.prune(Edge("reduce", 1, 2))
    with pytest.raises(UserError, match="node 0 of the reduce cell has fewer than two edges left; prune fewer"):
        supernet.derive()


@every
def test_alphas_and_masks_are_saved(make):
    supernet, other = make(), make()
    random_alphas(supernet, 1)
    supernet.prune(supernet.edges[0], supernet.operations[0])
    batch = example(supernet)
    alphas = other.architecture_parameters()
    other.load_state_dict(copy.deepcopy(supernet.state_dict()))
    assert torch.equal(other.eval()(batch), supernet.eval()(batch))
    assert other.derive() == supernet.derive()
    assert all(a is b for a, b in zip(alphas, other.architecture_parameters(), strict=True))
    twin = copy.deepcopy(supernet)
    twin.prune(twin.edges[0], twin.operations[1])
    assert torch.equal(other(batch), supernet(batch))


@every
def test_a_larger_alpha_wins(make):
    supernet = make()
    best = len(supernet.operations) - 1
    for alpha in supernet.architecture_parameters():
        alpha.data[:, best] += 3.0
    derived = dict(supernet.selected(supernet.derive()))
    assert set(derived.values()) == {supernet.operations[best]}
    assert set(derived) <= set(supernet.edges)


@every
def test_given_weights_replace_those_of_alpha(make):
    supernet = make().eval()
    batch = example(supernet)
    weights = {cell: w.detach().clone().requires_grad_() for cell, w in supernet.weights().items()}
    output = supernet(batch, weights)
    assert torch.equal(output, supernet(batch))
    output.sum().backward()
    assert all(w.grad.abs().sum() > 0 for w in weights.values())
    assert all(alpha.grad is None for alpha in supernet.architecture_parameters())
