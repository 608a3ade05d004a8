"""One row of numbers for each history: what they are, and that padding is none of them."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from event_examples import SHAPE, random_batch, with_rubbish
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.networks.export import export_onnx
from nni_nasplus.spaces.events.boosting.aggregates import MOST_CODES, Aggregates

HISTORY = EventBatch(
    categorical=torch.tensor([[[2], [0], [2]], [[1], [9], [9]]]),
    numeric=torch.tensor([[[1.0], [4.0], [-2.0]], [[5.0], [7.0], [7.0]]]),
    time=torch.tensor([[0.1, 0.2, 0.5], [0.3, 9.0, 9.0]]),
    gap=torch.tensor([[0.0, 2.0, 6.0], [0.0, 9.0, 9.0]]),
    mask=torch.tensor([[True, True, True], [True, False, False]]),
    label=torch.zeros(2, dtype=torch.long),
    row=torch.arange(2),
)
"""Three events, and one event with padding."""
NONE = float("nan")
VALUES = {
    "number of events": (3, 1),
    "category 1: events of code 0": (1, 0),
    "category 1: events of code 1": (0, 1),
    "category 1: events of code 2": (2, 0),
    "category 1: last code": (2, 1),
    "category 1: last but one code": (0, NONE),
    "category 1: first code": (2, 1),
    "number 1: last": (-2, 5),
    "number 1: first": (1, 5),
    "number 1: last change": (-6, NONE),
    "number 1: mean": (1, 5),
    "number 1: deviation": (6**0.5, 0),
    "number 1: least": (-2, 5),
    "number 1: most": (4, 5),
    "number 1: sum": (3, 5),
    "gap: last": (6, NONE),
    "gap: mean": (4, NONE),
    "gap: deviation": (2, NONE),
    "gap: least": (2, NONE),
    "gap: most": (6, NONE),
    "gap: sum": (8, 0),
    "time of the last event": (0.5, 0.3),
}
shapes = st.builds(
    EventShape,
    cardinalities=st.lists(st.integers(1, 2 * MOST_CODES), max_size=3).map(tuple),
    n_numeric=st.integers(0, 2),
    n_classes=st.just(2),
    max_length=st.integers(1, 30),
    periods=st.just(()),
)


def test_the_numbers_of_two_histories():
    aggregates = Aggregates(EventShape((3,), 1, 2, 3, ()))
    assert aggregates.names == list(VALUES)
    expected = torch.tensor(list(VALUES.values())).T
    torch.testing.assert_close(aggregates(HISTORY), expected, equal_nan=True)


@settings(max_examples=100, deadline=None, database=None)
@given(shapes, st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 40))
def test_padding_never_changes_a_number(shape, seed, users, extra):
    aggregates = Aggregates(shape)
    batch = random_batch(shape, users, shape.max_length, seed)
    table = aggregates(batch)
    assert table.dtype == torch.float32
    assert table.shape == (users, len(aggregates.names))
    assert torch.equal(aggregates(with_rubbish(batch, extra)).nan_to_num(-7), table.nan_to_num(-7))


@pytest.mark.parametrize("shape", [SHAPE, EventShape((), 2, 2, 9, ()), EventShape((7,), 0, 2, 9, ())])
def test_onnx_gives_the_same_numbers_at_any_size(shape, tmp_path):
    aggregates = Aggregates(shape)
    assert export_onnx(aggregates, shape.example(), tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    wanted = {i.name for i in session.get_inputs()}
    for length in (1, 2, shape.max_length):
        batch = random_batch(shape, 5, length)
        fields = {name: value.numpy() for name, value in batch._asdict().items() if name in wanted}
        np.testing.assert_array_equal(session.run(None, fields)[0], aggregates(batch).numpy())


def test_only_the_most_frequent_codes_are_counted():
    names = Aggregates(EventShape((5000, 3), 0, 2, 8, ())).names
    assert [sum(f"category {j}: events" in name for name in names) for j in (1, 2)] == [MOST_CODES, 3]
