"""Perplexity by how many tokens were read before."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus.report.model.positions import positions
from nni_nasplus.training.text.positions import PREFIX, ByPosition, by_position


@settings(max_examples=20)
@given(st.integers(1, 60), st.integers(1, 3), st.integers(1, 20), st.integers(0, 100))
def test_it_is_the_same_however_the_text_is_cut(length, columns, cut, seed):
    generator = torch.Generator().manual_seed(seed)
    losses = torch.rand(length, columns, generator=generator)
    known = torch.rand(length, columns, generator=generator) < 0.8
    whole, cuts = ByPosition(), ByPosition()
    whole.take(losses, known, first=True)
    for begin in range(0, length, cut):
        cuts.take(losses[begin : begin + cut], known[begin : begin + cut], first=begin == 0)
    assert cuts.perplexities == pytest.approx(whole.perplexities)
    if known[0].any():
        assert whole.perplexities[f"{PREFIX}0"] == pytest.approx(math.exp(losses[0][known[0]].mean()), rel=1e-5)


def test_classes_begin_where_they_say():
    found = ByPosition()
    losses = torch.arange(40.0)[:, None].log()
    found.take(losses, torch.ones(40, 1, dtype=bool) & losses.isfinite(), first=True)
    assert list(by_position(found.perplexities)) == [
        (low, pytest.approx(math.exp(torch.arange(low, high).log().mean()), rel=1e-4))
        for low, high in ((1, 3), (3, 10), (10, 30), (30, 40))
    ]


def test_new_columns_have_read_nothing():
    found = ByPosition()
    for loss in (1.0, 3.0):
        found.take(torch.full((1, 2), loss), torch.ones(1, 2, dtype=bool), first=True)
    assert found.perplexities == {f"{PREFIX}0": pytest.approx(math.exp(2.0))}


def test_the_chart_names_what_is_counted_together():
    told = {"loss": 1.0, f"{PREFIX}0": 50.0, f"{PREFIX}1": 30.0, f"{PREFIX}1000": 9.0}
    assert positions({"loss": 1.0}) is None
    drawn = positions(told)
    assert all(f">{name}<" in drawn for name in ("0", "1–999", "1,000+", "tokens read before"))


def test_what_is_beyond_numbers_is_left_out():
    found = ByPosition()
    found.take(torch.tensor([[1.0], [1e6]]), torch.ones(2, 1, dtype=bool), first=True)
    assert list(found.perplexities) == [f"{PREFIX}0"]
