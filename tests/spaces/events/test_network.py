"""Networks of event sequences: padding never matters, gradients reach everything, users stay apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from event_examples import EXAMPLE, SHAPE, SPACES, close, exact, random_batch, with_rubbish
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.spaces.events import EventSequenceNet
from nni_nasplus.spaces.events.decisions import decisions
from nni_nasplus.spaces.events.genotype import parse

shapes = st.builds(
    EventShape,
    cardinalities=st.lists(st.integers(1, 40), max_size=3).map(tuple),
    n_numeric=st.integers(0, 2),
    n_classes=st.integers(2, 4),
    max_length=st.integers(1, 30),
    periods=st.lists(st.sampled_from([1.0, 0.2, 0.003]), max_size=2).map(tuple),
)
networks = settings(max_examples=100, deadline=None, database=None)


def random_architecture(shape: EventShape, seed: int) -> dict:
    return SPACES[shape.n_numeric > 0].sample(np.random.default_rng(seed))


def random_net(shape: EventShape, seed: int, dropout: float = 0.1) -> EventSequenceNet:
    torch.manual_seed(seed)
    return EventSequenceNet(shape, random_architecture(shape, seed), hidden=8, dropout=dropout)


def take(batch: EventBatch, rows: torch.Tensor) -> EventBatch:
    return EventBatch(*(field[rows] for field in batch))


@networks
@given(shapes, st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 5), st.booleans())
def test_padding_never_changes_a_logit(shape, seed, users, extra, training):
    net = random_net(shape, seed, dropout=0.0).double().train(training)
    batch = exact(random_batch(shape, users, shape.max_length, seed))
    logits = net(batch)
    assert logits.shape == (users, shape.n_classes)
    assert logits.isfinite().all()
    assert close(net(with_rubbish(batch, extra)), logits)


@networks
@given(shapes, st.integers(0, 10**6))
def test_gradients_are_finite_and_reach_every_parameter(shape, seed):
    net = random_net(shape, seed).train()
    batch = with_rubbish(random_batch(shape, 3, shape.max_length, seed), 2)
    nn.functional.cross_entropy(net(batch), batch.label).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert all(buffer.isfinite().all() for buffer in net.buffers())


@networks
@given(shapes, st.integers(0, 10**6))
def test_users_do_not_see_each_other(shape, seed):
    net = random_net(shape, seed).double().eval()
    batch = exact(random_batch(shape, 4, shape.max_length, seed))
    rows = torch.tensor([2, 0, 3])
    assert close(net(take(batch, rows)), net(batch)[rows])


def test_users_of_one_event_train_alone():
    batch = random_batch(SHAPE, 1, 1)
    for seed in range(20):
        net = random_net(SHAPE, seed).train()
        assert net(batch).isfinite().all()
        assert net.eval()(batch).isfinite().all()


def test_every_op_fits_the_narrowest_events():
    shape = EventShape((1,), 0, 2, 4, ())
    batch = random_batch(shape, 2, 4)
    for op in decisions(False)["encoder_1_op"]:
        heads = "1" if "a" in op else ""
        net = EventSequenceNet(shape, parse(f"|1|{op}{heads}|11|02"))
        assert net.stem.width == 3
        assert net(batch).shape == (2, 2)


@pytest.mark.parametrize("field", ["gap", "time"])
@pytest.mark.parametrize("encoding", [0, 1])
def test_time_matters_with_its_encoding_alone(field, encoding):
    torch.manual_seed(0)
    net = EventSequenceNet(SHAPE, {**parse(EXAMPLE), "temporal_encoding": encoding}).eval()
    batch = random_batch(SHAPE, 4, 10)
    later = batch._replace(**{field: getattr(batch, field) + 0.05})
    assert torch.equal(net(later), net(batch)) != bool(encoding)
