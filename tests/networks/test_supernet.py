"""Supernets of every kind: mixtures, masks, and what they derive."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
import torch
from event_examples import SHAPE, random_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from supernets import DARTS_SPACE, darts, events, nasbench201, random_weights

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.supernet import Edge, MixedOperation, Mixture, Supernet, supernet_of
from nni_nasplus.spaces.events import EventSequenceSpace, EventSupernet
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace

SUPERNETS = {"darts": darts, "nasbench201": nasbench201, "events": events}
every = pytest.mark.parametrize("make", SUPERNETS.values(), ids=SUPERNETS)


def example(supernet: Supernet):
    return random_batch(SHAPE, 3, 7) if isinstance(supernet, EventSupernet) else torch.randn(3, 3, 8, 8)


def whole(supernet: Supernet, seed: int = 0) -> Mixture:
    """Random weights of everything, that take gradients."""
    weights = {cell: rows.requires_grad_() for cell, rows in random_weights(supernet, seed).items()}
    return Mixture(weights, {cell: torch.ones_like(mask) for cell, mask in supernet.masks.items()})


@every
def test_a_mixture_takes_gradients_and_the_supernet_has_no_weights_of_operations(make):
    supernet = make().eval()
    mixture = whole(supernet)
    names = [name for name, _ in supernet.named_parameters()]
    assert not any("alpha" in name for name in names)
    supernet(example(supernet), mixture).sum().backward()
    assert all(rows.grad.abs().sum() > 0 for rows in mixture.weights.values())
    assert set(supernet.state_dict()) - set(names) - {name for name, _ in supernet.named_buffers()} == {"_extra_state"}


@every
def test_the_sum_of_what_is_alive_is_what_no_mixture_means(make):
    supernet = make().eval()
    batch = example(supernet)
    edge, gone = supernet.edges[-1], supernet.operations[1]
    supernet.prune(edge, gone)
    summed = supernet.summed()
    assert summed.weights[edge.cell][-1].tolist() == [float(i != 1) for i in range(len(supernet.operations))]
    assert all(torch.equal(summed.active[cell], mask) for cell, mask in supernet.masks.items())
    assert torch.equal(supernet(batch), supernet(batch, summed))
    assert not torch.allclose(supernet(batch), supernet(batch, whole(supernet)))


@every
def test_what_is_not_active_is_not_computed_whatever_its_weight(make):
    supernet = make().eval()
    batch, mixture = example(supernet), whole(supernet)
    calls: list[str] = []
    for mixed in (m for m in supernet.modules() if isinstance(m, MixedOperation)):
        for name, operation in mixed.operations.items():
            operation.register_forward_hook(lambda *_, name=name: calls.append(name))
    path = {cell: torch.zeros_like(mask) for cell, mask in supernet.masks.items()}
    for rows in path.values():
        rows[:, 2] = True
    supernet(batch, mixture._replace(active=path))
    assert set(calls) == {supernet.operations[2]}


@every
def test_weights_of_edges_multiply_those_of_their_operations(make):
    supernet = make().eval()
    batch, mixture = example(supernet), whole(supernet)
    edges = {cell: torch.rand(len(rows)) for cell, rows in mixture.weights.items()}
    scaled = {cell: rows * edges[cell][:, None] for cell, rows in mixture.weights.items()}
    assert torch.equal(
        supernet(batch, mixture._replace(edges=edges)), supernet(batch, mixture._replace(weights=scaled))
    )
    ones = {cell: torch.ones_like(rows) for cell, rows in edges.items()}
    assert torch.equal(supernet(batch, mixture._replace(edges=ones)), supernet(batch, mixture))


@pytest.mark.parametrize("make", [darts, nasbench201])
def test_skip_strengthens_the_skips_and_computes_them(make):
    supernet = make().eval()
    batch, mixture = example(supernet), whole(supernet)
    is_skip = torch.tensor([name == "skip_connect" for name in supernet.operations])
    without = mixture._replace(active={cell: on & ~is_skip for cell, on in mixture.active.items()})
    stronger = mixture._replace(weights={cell: rows + 0.3 * is_skip for cell, rows in mixture.weights.items()})
    assert torch.equal(supernet(batch, without._replace(skip=0.3)), supernet(batch, stronger))
    assert not torch.allclose(supernet(batch, without), supernet(batch, stronger))


def test_without_a_skip_nothing_is_strengthened():
    supernet = events()
    with pytest.raises(UserError, match=r"^no skip_connect among a, g, c, .*; give a mixture without skip$"):
        supernet(example(supernet), whole(supernet)._replace(skip=0.5))


@every
def test_a_pruned_operation_is_not_computed(make):
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
    assert count_parameters(supernet) == count_parameters(make())


@every
def test_without_is_prune_for_a_while(make):
    supernet = make().eval()
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
    supernet = nasbench201().eval()
    images = torch.randn(2, 3, 8, 8)
    edge = Edge("cell", 0, 3)
    with supernet.without(edge):
        without = supernet(images)
        assert supernet.alive(edge) == []
        assert supernet.summed().weights["cell"][3].tolist() == [0.0] * 5
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


@given(st.integers(0, 10**6), st.floats(-3, 3))
@settings(max_examples=60, deadline=None)
def test_what_is_derived_leads_from_input_to_output_wherever_a_way_is_alive(seed, more):
    supernet, rng = nasbench201(), np.random.default_rng(seed)
    for edge in supernet.edges:
        for name in supernet.operations:
            if rng.random() < 0.3:
                supernet.prune(edge, name)
    weights = {"cell": torch.from_numpy(rng.normal(size=(6, 5)))}
    weights["cell"][:, 0] += more
    passable = {(e.source, e.target) for e in supernet.edges if set(supernet.alive(e)) - {"none"}}
    found = supernet.derive(weights)
    open_edges = {(i, j) for j in range(1, 4) for i in range(j) if found[f"op_{i}_{j}"] != "none"}

    def reached(edges):
        known = {0}
        for target in range(1, 4):
            known |= {target} if any((source, target) in edges for source in known) else set()
        return 3 in known

    assert reached(open_edges) == reached(passable)
    best = {edge: supernet.alive(edge) for edge in supernet.edges}
    assert all(found[f"op_{e.source}_{e.target}"] in [*alive, "none"] for e, alive in best.items())


def test_the_way_that_is_opened_costs_the_least_weight():
    weights = torch.zeros(6, 5)
    weights[:, 0] = 2.0
    weights[1, 3], weights[5, 2], weights[3, 1] = 1.5, 1.9, 1.0  # 0→2 and 2→3 lose .6 together, 0→3 alone 1
    found = nasbench201().derive({"cell": weights})
    assert [found[f"op_{i}_{j}"] for j in range(1, 4) for i in range(j)] == [
        "none", "nor_conv_3x3", "none", "none", "none", "nor_conv_1x1",
    ]  # fmt: skip


def test_two_edges_must_lead_to_a_node_that_is_derived():
    supernet = darts()
    supernet.prune(Edge("reduce", 1, 2))
    with pytest.raises(UserError, match="node 0 of the reduce cell has fewer than two edges left; prune fewer"):
        supernet.derive()


@every
def test_masks_are_saved(make):
    supernet, other = make(), make()
    supernet.prune(supernet.edges[0], supernet.operations[0])
    batch = example(supernet)
    other.load_state_dict(copy.deepcopy(supernet.state_dict()))
    assert torch.equal(other.eval()(batch), supernet.eval()(batch))
    assert other.derive() == supernet.derive()
    twin = copy.deepcopy(supernet)
    twin.prune(twin.edges[0], twin.operations[1])
    assert torch.equal(other(batch), supernet(batch))


@every
def test_a_larger_weight_wins_where_it_is_alive(make):
    supernet = make()
    best = len(supernet.operations) - 1
    weights = random_weights(supernet, 3)
    for rows in weights.values():
        rows[:, best] += 3.0
    derived = dict(supernet.selected(supernet.derive(weights)))
    assert set(derived.values()) == {supernet.operations[best]}
    assert set(derived) <= set(supernet.edges)
    for edge in supernet.edges:
        supernet.prune(edge, supernet.operations[best])
    assert supernet.operations[best] not in dict(supernet.selected(supernet.derive(weights))).values()


@pytest.mark.parametrize(
    ("kind", "sizes", "held"),
    [
        (NasBench201Space, {"channels": 2, "cells": 1}, {"op_0_1": "none", "op_2_3": "skip_connect"}),
        (DartsRecurrentSpace, {"vocabulary": 9, "hidden": 2}, {"op3": "relu", "from5": 2}),
        (EnasRecurrentSpace, {"vocabulary": 9, "hidden": 2, "nodes": 4}, {"op1": "identity", "from3": 1}),
        (EventSequenceSpace, {"cardinalities": (5,), "n_numeric": 1, "hidden": 8}, {"encoder_2_op": "gc"}),
        (
            EventSequenceSpace,
            {"cardinalities": (5,), "n_numeric": 1, "hidden": 8},
            {"encoder_layers": 2, "pooling": "max", "temporal_encoding": 0, "encoder_4_op": "a", "encoder_1_heads": 1},
        ),
    ],
)
def test_all_that_is_derived_has_what_its_space_holds(kind, sizes, held):
    space = kind(**sizes, fixed=held)
    supernet = supernet_of(space)
    found = [supernet.derive(random_weights(supernet, seed)) for seed in range(20)]
    assert len({str(one) for one in found}) > 1
    for one in found:
        assert space.search_space.validate(one) == one
        assert {name: choice for name, choice in held.items() if name in one}.items() <= one.items()


@pytest.mark.parametrize(
    ("kind", "sizes", "held"),
    [
        (DartsSpace, {"channels": 2, "layers": 3}, dict([next(iter(DARTS_SPACE.parse_genotype("DARTS_V2").items()))])),
        (EventSequenceSpace, {"cardinalities": (5,), "n_numeric": 1}, {"encoder_1_heads": 4}),
    ],
)
def test_what_a_supernet_cannot_hold_is_named(kind, sizes, held):
    with pytest.raises(UserError, match=r"=\S+ cannot be held in \w+Supernet; do not hold it, or search with"):
        supernet_of(kind(**sizes, fixed=held))
