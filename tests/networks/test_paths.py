"""One path of a supernet is the discrete network."""

from __future__ import annotations

import numpy as np
import torch
from event_examples import SHAPE, close, exact, random_batch, with_rubbish
from hypothesis import given, settings
from hypothesis import strategies as st
from supernets import DARTS_SPACE, EVENTS, NB201_SPACE, darts, events, nasbench201
from torch import nn

from nni_nasplus import SearchSpace
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.spaces.events import EventSequenceNet, EventSupernet
from nni_nasplus.spaces.events.decisions import OPS, conditions, decisions
from nni_nasplus.spaces.images import (
    DartsSupernet,
)

cases = settings(max_examples=15, deadline=None, database=None)


def fill(network: nn.Module, supernet: Supernet, architecture: dict) -> None:
    """Give a discrete network the shared weights of its operations."""
    chosen: dict[str, list[tuple[int, str]]] = {}
    for edge, operation in supernet.selected(architecture):
        row = [e for e in supernet.edges if e.cell == edge.cell].index(edge)
        chosen.setdefault(edge.cell, []).append((row, operation))
    theirs = supernet.net
    rest = {k: v for k, v in theirs.state_dict().items() if ".operations." not in k}
    missing, unexpected = network.load_state_dict(rest, strict=False)
    assert not unexpected
    assert all(".edges." in name or ".split." in name for name in missing)
    if isinstance(supernet, EventSupernet):
        for i, (_, operation) in enumerate(chosen["encoder"]):
            network.encoder[i].split.load_state_dict(theirs.encoder[i].split.operations[operation].state_dict())
        return
    cells = theirs.cells if isinstance(supernet, DartsSupernet) else theirs.blocks
    ours = network.cells if isinstance(supernet, DartsSupernet) else network.blocks
    for cell, mixed in zip(ours, cells, strict=True):
        if not hasattr(mixed, "edges"):
            continue
        for edge, (row, operation) in zip(cell.edges, chosen[getattr(mixed, "kind", "cell")], strict=True):
            module = mixed.edges[row].operations[operation]
            inner = module[0] if "pool" in operation and isinstance(module, nn.Sequential) else module
            edge.load_state_dict(inner.state_dict())


def without_the_norms_of_pools(supernet: Supernet) -> None:
    """The discrete network has none; without ε they change nothing at their first statistics."""
    for module in supernet.modules():
        if isinstance(module, nn.BatchNorm2d) and not module.affine:
            module.eps = 0.0


AFFINE = darts(affine=True).double().eval()
without_the_norms_of_pools(AFFINE)


@cases
@given(st.integers(0, 2**32))
def test_one_path_of_darts_is_the_discrete_network(seed):
    architecture = DARTS_SPACE.search_space.sample(np.random.default_rng(seed))
    supernet = AFFINE
    network = DARTS_SPACE.build(architecture).double().eval()
    fill(network, supernet, architecture)
    images = torch.randn(2, 3, 8, 8, dtype=torch.double)
    with supernet.only(architecture):
        torch.testing.assert_close(supernet(images), network(images), rtol=1e-9, atol=1e-9)
    assert all(mask.all() for mask in supernet.masks.values())


@cases
@given(st.integers(0, 2**32))
def test_one_path_of_nasbench201_is_the_discrete_network(seed):
    architecture = NB201_SPACE.search_space.sample(np.random.default_rng(seed))
    supernet = nasbench201().double()
    network = NB201_SPACE.build(architecture).double()
    fill(network, supernet, architecture)
    images = torch.randn(4, 3, 8, 8, dtype=torch.double)
    with supernet.only(architecture):
        torch.testing.assert_close(supernet(images), network(images), rtol=1e-9, atol=1e-9)


def encoder_architecture(seed: int) -> dict:
    """The fixed decisions with random ops, of one head."""
    rng = np.random.default_rng(seed)
    chosen = {f"encoder_{i}_op": str(rng.choice(OPS)) for i in (1, 2)}
    kept = {name: choice for name, choice in EVENTS.items() if not name.endswith("_op") and "encoder_1_" not in name}
    heads = {name.replace("_op", "_heads"): 1 for name, op in chosen.items() if "a" in op}
    return SearchSpace(decisions(True), conditions()).validate({**kept, **chosen, **heads})


@cases
@given(st.integers(0, 2**32))
def test_one_path_of_the_events_is_the_discrete_network(seed):
    architecture = encoder_architecture(seed)
    supernet = events().double().eval()
    network = EventSequenceNet(SHAPE, architecture, hidden=8, dropout=0.0).double().eval()
    fill(network, supernet, architecture)
    batch = exact(random_batch(SHAPE, 3, 7, seed))
    with supernet.only(architecture):
        assert close(supernet(batch), network(batch))
        assert close(supernet(with_rubbish(batch, 3)), network(batch))
