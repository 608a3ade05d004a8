"""Layers of the event-sequence space against their equations."""

from __future__ import annotations

import torch
from event_examples import SHAPE, close, random_batch
from torch import nn

from nni_nasplus.spaces.events.blocks import Attention
from nni_nasplus.spaces.events.head import pool
from nni_nasplus.spaces.events.stem import MaskedBatchNorm
from nni_nasplus.spaces.events.temporal import TemporalEncoding


def test_attention_equals_its_equation():
    torch.manual_seed(0)
    heads, hidden, width = 4, 5, 7
    attention = Attention(width, heads, hidden)
    nn.init.normal_(attention.scale)
    x, memory, mask = torch.randn(2, 3, width), torch.randn(2, 6, width), torch.arange(6) < torch.tensor([[4], [6]])
    w_query, w_key, w_value = attention.qkv.weight.view(3, heads, hidden, width)
    parts = []
    for h in range(heads):
        scores = (x @ w_query[h].T) @ (memory @ w_key[h].T).transpose(1, 2) / hidden**0.5
        weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
        parts.append(weights @ (memory @ w_value[h].T) * attention.scale[h])
    expected = attention.out(attention.norm(torch.cat(parts, -1)))
    assert close(attention.cross(x, memory, mask), expected)
    assert close(attention(x), attention.cross(x, x, torch.ones(2, 3, dtype=torch.bool)))


def test_batch_norm_equals_torch_on_the_events():
    batch = random_batch(SHAPE, 5, 9)
    ours, theirs = MaskedBatchNorm(3), nn.BatchNorm1d(3)
    for training in (True, False):
        x = ours.train(training)(batch.numeric, batch.mask)[batch.mask]
        assert close(x, theirs.train(training)(batch.numeric[batch.mask]))
    assert close(ours.running_var, theirs.running_var)


def test_one_event_leaves_the_running_statistics():
    norm = MaskedBatchNorm(3)
    assert not norm(torch.randn(1, 1, 3), torch.ones(1, 1, dtype=torch.bool)).any()
    assert torch.equal(norm.running_mean, torch.zeros(3))
    assert torch.equal(norm.running_var, torch.ones(3))


def test_temporal_encoding_counts_gaps_back_from_the_last_event():
    batch = random_batch(SHAPE, 1, 4)._replace(gap=torch.tensor([[0.0, 2.0, 3.0, 0.0]]))
    temporal = TemporalEncoding((), 2)
    nn.init.eye_(temporal.project.weight)
    nn.init.zeros_(temporal.project.bias)
    gap, until_last = temporal(batch).expm1().unbind(-1)
    assert close(gap, batch.gap)
    assert close(until_last, torch.tensor([[5.0, 3.0, 0.0, 0.0]]))


def test_pooling():
    x, mask = torch.tensor([[[1.0], [5.0], [9.0]]]), torch.tensor([[True, True, False]])
    assert [pool(x, mask, kind).item() for kind in ("mean", "max", "mixed")] == [3.0, 5.0, 4.0]
