"""Batches of text: every token once, in pieces of random lengths."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from texts import cached, ids, lines

from nni_nasplus import UserError
from nni_nasplus.data.text import TextBatches, TextDataModule
from nni_nasplus.data.text.batches import IGNORED, piece_ends

sizes = {"n": st.integers(2, 200), "batch_size": st.integers(1, 12), "bptt": st.integers(1, 30)}


@given(**sizes, seed=st.none() | st.integers(0, 99))
def test_every_token_but_the_first_is_a_target_once_after_the_one_before(n, batch_size, bptt, seed):
    batches = TextBatches(np.arange(n, dtype=np.uint16), batch_size, bptt, seed)
    for _ in range(2):
        found = list(batches)
        assert len(found) == len(batches)
        targets = torch.cat([batch.targets for batch in found])
        tokens = torch.cat([batch.tokens for batch in found])
        there = targets != IGNORED
        assert sorted(targets[there].tolist()) == list(range(1, n))
        assert (targets - tokens)[there].eq(1).all()
        assert tokens.diff(dim=0)[there[1:]].eq(1).all(), "a column goes on from piece to piece"
        assert [batch.first for batch in found] == [True] + [False] * (len(found) - 1)
        assert there[:, 0].all(), "the columns are equally long, but for the last"


@given(**sizes, seed=st.integers(0, 99), number=st.integers(0, 3), data=st.data())
def test_a_pass_goes_on_where_it_was_left(n, batch_size, bptt, seed, number, data):
    text = np.arange(n, dtype=np.uint16)
    batches = TextBatches(text, batch_size, bptt, seed)
    for _ in range(number):
        list(batches)
    read = data.draw(st.integers(1, len(batches)))
    reading = iter(batches)
    for _ in range(read):
        next(reading)
    resumed = TextBatches(text, batch_size, bptt, seed)
    resumed.load_state_dict(batches.state_dict())
    expected = [*reading, *batches]
    found = [*resumed, *resumed]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.first == other.first
        assert torch.equal(one.tokens, other.tokens)


def test_lengths_are_those_of_awd_lstm():
    ends = [piece_ends(100_000, 70, np.random.default_rng((0, number))) for number in range(20)]
    assert len({tuple(one) for one in ends}) == 20
    assert len({len(one) for one in ends}) == 1
    lengths = np.diff(ends, prepend=0, axis=1)
    assert lengths.sum(1).tolist() == [100_000] * 20
    assert lengths.mean() == pytest.approx(0.975 * 70, rel=1e-3)
    assert lengths.min() >= 5
    long = lengths[lengths > 52]
    assert len(long) / lengths.size == pytest.approx(0.95, abs=0.01)
    assert long.mean() == pytest.approx(70, abs=0.3)
    assert long.std() == pytest.approx(5, abs=0.2)
    assert lengths[lengths <= 52].mean() == pytest.approx(35, abs=1)


def test_the_lengths_of_an_epoch_are_its_own_and_only_of_training(tmp_path):
    cache = cached(tmp_path, lines(400))

    def lengths(loader):
        return [len(batch.tokens) for batch in loader]

    one, same, other = (TextDataModule(cache, 4, 20, seed=seed).train_dataloader() for seed in (0, 0, 1))
    assert (first := lengths(one)) == lengths(same) != lengths(other)
    assert lengths(one) == lengths(same) != first
    data = TextDataModule(cache, 4, 20)
    assert set(lengths(data.val_dataloader())[:-1]) == set(lengths(data.test_dataloader())[:-1]) == {20}
    assert set(lengths(TextDataModule(cache, 4, 20, variable=False).train_dataloader())[:-1]) == {20}


def test_columns_that_a_text_is_too_short_for_are_named(tmp_path):
    cache = cached(tmp_path, lines(12))
    n = len(ids(cache, "train"))
    TextDataModule(cache, (n - 1) // 2)
    with pytest.raises(UserError, match=f"the training text has {n} tokens, too few to read {n} columns of it"):
        TextDataModule(cache, n)
    with pytest.raises(UserError, match="batch_size is 0; use 1 or more"):
        TextDataModule(cache, 0)
