"""The kernel of event sequences is that of one example at a time, recurrent ones too."""

from __future__ import annotations

import math

import pytest
import torch
from event_examples import exact, random_batch
from hypothesis import given, settings
from hypothesis import strategies as st
from te_nas_events import CASES, space_of
from torch import nn

from nni_nasplus.proxies import condition_number
from nni_nasplus.proxies.examples import one
from nni_nasplus.proxies.kernel import ExampleGradients
from nni_nasplus.proxies.kernel.gru_gates import UnfoldedGRU
from nni_nasplus.strategies.te_nas import networks_of
from nni_nasplus.strategies.te_nas.scoring import Scored

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def alone(network, batch):
    """J, one example at a time: backwards through that example alone, of running statistics."""
    named = [(name, weight) for name, weight in network.named_parameters() if "weight" in name]
    rows = []
    for i in range(len(batch.mask)):
        network.zero_grad()
        network(one(batch, i)).sum().backward()
        rows.append(torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for _, w in named]))
    return torch.stack(rows)


@pytest.mark.parametrize("cut", [None, "a", "agc"])
@pytest.mark.parametrize("case", CASES)
def test_the_kernel_is_that_of_one_example_at_a_time(case, cut):
    shape, fixed = CASES[case]
    net = networks_of(space_of(shape), **fixed).kernel.double()
    batch = exact(random_batch(shape, 6, 9, seed=1))
    if cut:
        net.prune(net.edges[-1], cut)
    assert ExampleGradients.covers(net)
    prepared = Scored(net, double=True)
    gradients = ExampleGradients(prepared)
    kernel = gradients.kernel(batch)
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm1d)):
        norm.load_state_dict(prepared.supernet.net.stem.numeric.norm.state_dict())
    expected = alone(net.eval(), batch)
    torch.testing.assert_close(kernel, expected @ expected.T, rtol=1e-9, atol=1e-12)
    found = gradients(batch)
    torch.testing.assert_close(found @ found.T, kernel, rtol=1e-9, atol=1e-12)
    assert (expected != 0).any(0).sum() <= found.shape[1]
    kappa = condition_number(expected)
    assert 1 <= kappa < math.inf
    assert condition_number(found) == pytest.approx(kappa, rel=1e-6)


@settings(max_examples=20, deadline=None, database=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(0, 99))
def test_an_unfolded_gru_is_the_gru_and_knows_the_gradients_of_examples(users, length, width, states, seed):
    torch.manual_seed(seed)
    gru = nn.GRU(width, states, batch_first=True).double()
    x = torch.randn(users, length, width, dtype=torch.double)
    by = torch.randn(users, length, states, dtype=torch.double)
    unfolded = UnfoldedGRU(gru)
    output, last = unfolded(x)
    torch.testing.assert_close((output, last), gru(x), rtol=1e-12, atol=1e-12)
    (gradient,) = torch.autograd.grad((output * by).sum(), unfolded.gates)
    inputs, hidden = unfolded.gradients(x, gradient)
    for i in range(users):
        gru.zero_grad()
        (gru(x[i : i + 1])[0] * by[i]).sum().backward()
        torch.testing.assert_close(inputs[i].T @ x[i], gru.weight_ih_l0.grad, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(hidden[i].T @ unfolded.previous[i], gru.weight_hh_l0.grad, rtol=1e-9, atol=1e-12)


def test_recurrences_that_are_not_unfolded_are_left_to_the_plain_loop():
    assert ExampleGradients.covers(nn.GRU(2, 2, batch_first=True))
    others = [{}, {"num_layers": 2}, {"bidirectional": True}]
    assert not any(ExampleGradients.covers(nn.GRU(2, 2, **{"batch_first": bool(o), **o})) for o in others)
    assert not ExampleGradients.covers(nn.LSTM(2, 2, batch_first=True))
