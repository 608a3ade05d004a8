"""Batches that event sequences are scored on: distinct users, recent events, windows."""

from __future__ import annotations

import math

import pytest
import torch
from event_examples import exact, random_batch, with_rubbish
from hypothesis import given, settings
from hypothesis import strategies as st
from te_nas_events import SHAPE, space_of
from te_nas_searches import generator

from nni_nasplus.data.events.batch import EventShape
from nni_nasplus.strategies.te_nas import drawn_from, networks_of
from nni_nasplus.strategies.te_nas.batches import chosen, distinct, recent, windows
from nni_nasplus.strategies.te_nas.scoring import Scorer, Scoring

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_equal_users_are_given_once():
    events = random_batch(SHAPE, 9, 9)
    twice = chosen(events, torch.tensor([3, 1, 3, 4, 1, 8]))._replace(label=torch.arange(6), row=torch.arange(6))
    assert distinct(with_rubbish(twice, 2)).tolist() == [0, 1, 3, 5]
    networks = networks_of(space_of())
    scorer = Scorer(networks, chosen(events, torch.arange(200) % 9), Scoring(0, 32, 50, "fixed", False))
    scorer.begin(0, 0)
    assert len(scorer._batch.mask) == 9
    assert scorer().kappa < math.inf


def test_batches_of_other_lengths_are_joined():
    events = exact(random_batch(SHAPE, 20, 9, seed=3))
    order = events.mask.sum(1).argsort()
    batches = [chosen(events, order[start : start + 5]) for start in range(0, 20, 5)]
    assert len({batch.mask.shape[1] for batch in batches}) > 1
    joined = drawn_from(batches, 18)
    assert joined.mask.sum(1).tolist() == events.mask.sum(1)[order][:18].tolist()
    assert joined.row.tolist() == order[:18].tolist()
    network = space_of().build(space_of().parse_genotype("01|1|agc1|44|02")).double().eval()
    torch.testing.assert_close(network(joined), network(events)[order[:18]])


def test_the_most_recent_events_are_taken():
    events = random_batch(SHAPE, 20, 9, seed=3)
    kept = recent(with_rubbish(events, 3), 4)
    assert kept.mask.shape == (20, 4)
    assert (kept.gap[:, 0] == 0).all()
    for i, length in enumerate(events.mask.sum(1).tolist()):
        number = min(4, length)
        assert kept.mask[i].sum() == number
        for name in ("categorical", "numeric", "time"):
            whole, part = getattr(events, name)[i, :length], getattr(kept, name)[i, :number]
            assert torch.equal(whole[-number:], part)
    assert recent(events, 99).mask.sum() == events.mask.sum()
    assert networks_of(space_of()).recent == 64


@settings(max_examples=20, deadline=None, database=None)
@given(
    st.lists(st.integers(1, 6), max_size=1),
    st.integers(0, 2),
    st.integers(1, 7),
    st.integers(0, 99),
)
def test_windows_are_events_in_a_row_and_one_column(cardinalities, numeric, length, seed):
    shape = EventShape(tuple(cardinalities), numeric, 2, 9, ())
    events = random_batch(shape, 8, length, seed)._replace(row=torch.arange(8))
    found = windows(with_rubbish(events, 2), 60, generator(seed))
    lengths = events.mask.sum(1)
    width = min(3, int(lengths.max()))
    assert found.mask.shape == (60, width)
    assert found.mask.all()
    assert (lengths[found.row] >= width).all()
    assert set(found.row.tolist()) == set(torch.nonzero(lengths >= width).flatten().tolist())
    assert found.categorical.shape == (60, width, 0)
    numbers: dict[int, float] = {}
    for window in range(60):
        user = int(found.row[window])
        start = next(
            s for s in range(length - width + 1) if torch.equal(events.time[user, s : s + width], found.time[window])
        )
        values = found.numeric[window, :, 0]
        at = slice(start, start + width)
        if not cardinalities and not numeric:
            assert (values == 0).all()
        elif not any(torch.equal(events.numeric[user, at, j], values) for j in range(numeric)):
            assert consistent(numbers, events.categorical[user, at, 0], values)


def consistent(numbers, codes, values):
    """Whether equal codes have equal numbers, here and before."""
    pairs = zip(codes.tolist(), values.tolist(), strict=True)
    return all(numbers.setdefault(code, value) == value for code, value in pairs)


def test_each_column_has_its_windows():
    shape = EventShape((1, 1), 1, 2, 9, ())
    found = windows(random_batch(shape, 50, 9), 300, generator()).numeric[:, :, 0]
    alike = [tuple(row) for row in found.tolist() if len(set(row)) == 1]
    assert len(set(alike)) == 2
    assert 150 < len(alike) < 250
