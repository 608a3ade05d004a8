"""Encoding events: scaling, categories, times, and new data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from event_tables import USERS, cached, make_events, make_labels

from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.errors import UserError


def test_only_training_users_are_fitted_to(cache, tmp_path):
    arrays = EventArrays.open(cache)
    events = make_events()
    other = ~events["user"].isin(arrays.ids[arrays.rows("train")])
    events.loc[other, ["shop", "amount", "rank"]] = ["nowhere", 1e9, 999]
    events.loc[other, "when"] -= 1000.0
    changed = cached(events, make_labels(), tmp_path / "c")
    assert EventEncoder.load(changed) == EventEncoder.load(cache)


def test_scaling_is_robust_and_imputation_neutral(cache):
    arrays, encoder = EventArrays.open(cache), EventEncoder.load(cache)
    events = make_events().sort_values(["user", "when"])
    amount, column = events["amount"].to_numpy(), encoder.numeric[0]
    want = np.nan_to_num(np.arcsinh((amount - column.centre) / column.scale))
    np.testing.assert_allclose(arrays.numeric[:, 0], want, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(arrays.numeric[:, 1], np.isnan(amount))
    train = amount[events["user"].isin(arrays.ids[arrays.rows("train")])]
    assert column.centre == np.nanmedian(train)


def test_times_and_gaps(cache):
    arrays, clock = EventArrays.open(cache), EventEncoder.load(cache).clock
    events = make_events().sort_values(["user", "when"])
    gaps = events.groupby("user")["when"].diff()
    train = events["user"].isin(arrays.ids[arrays.rows("train")])
    assert clock.median_gap == gaps[train].median()
    assert clock.span == np.ptp(events["when"][train])
    np.testing.assert_allclose(arrays.gap, gaps.fillna(0) / clock.median_gap, rtol=1e-6)
    np.testing.assert_allclose(arrays.time, (events["when"] - clock.minimum) / clock.span, atol=1e-6)
    assert all(0 < p <= 1 for p in clock.periods)


def test_equal_times_keep_the_order_of_the_table(tmp_path):
    events = make_events().assign(when=7)
    out = cached(events, make_labels(), tmp_path / "c")
    arrays = EventArrays.open(out)
    assert not arrays.time.any()
    assert not arrays.gap.any()
    shop = EventEncoder.load(out).categorical[2]
    want = [shop.values.index(s) + 2 if isinstance(s, str) else 1 for s in events[events["user"] == 3]["shop"]]
    assert arrays.categorical[arrays.offsets[3] : arrays.offsets[4], 2].tolist() == want


def test_truncation_keeps_the_most_recent_events(cache, tmp_path):
    whole, cut = (
        EventArrays.open(cache),
        EventArrays.open(cached(make_events(), make_labels(), tmp_path / "c", max_length=5)),
    )
    assert (np.diff(cut.offsets) == np.minimum(np.diff(whole.offsets), 5)).all()
    data = EventDataModule(cache, max_length=5)
    batch = data.arrays.batch(range(USERS), 5)
    assert data.shape.max_length == 5
    assert batch.mask.shape[1] == 5
    for user in range(USERS):
        n = int(batch.mask[user].sum())
        stop = whole.offsets[user + 1]
        np.testing.assert_array_equal(batch.time[user, :n], whole.time[stop - n : stop])
        assert batch.gap[user, 0] == 0


def test_unseen_rare_and_missing_categories(tmp_path):
    events = make_events()
    events.loc[events.index[:3], "shop"] = "rare"
    encoder = EventEncoder.load(cached(events, make_labels(), tmp_path / "c", min_count=5))
    new = pd.DataFrame(
        {
            "user": 1,
            "when": range(4),
            "shop": ["mars", None, "north", "rare"],
            "amount": 1.0,
            "rank": 0,
            "open": True,
        }
    )
    ((_, batch),) = encoder.batches(new)
    position = [c.name for c in encoder.categorical].index("shop")
    assert batch.categorical[0, :, position].tolist() == [0, 1, 2, 0]
    assert batch.label.tolist() == [-1]


def test_new_data_is_encoded_as_the_cache_was(cache, tmp_path):
    make_events().sample(frac=1, random_state=5).to_csv(tmp_path / "new.csv", index=False)
    EventEncoder.load(cache).save(tmp_path)
    encoder, arrays = EventEncoder.load(tmp_path), EventArrays.open(cache)
    order = pd.read_csv(tmp_path / "new.csv")["user"].unique()
    seen = []
    for ids, batch in encoder.batches(tmp_path / "new.csv", batch_size=7):
        seen += ids.tolist()
        assert (batch.row == torch.arange(len(seen) - len(ids), len(seen))).all()
        want = arrays.batch(np.searchsorted(arrays.ids, ids), encoder.max_length)
        for name in ("categorical", "numeric", "time", "gap", "mask"):
            assert torch.equal(getattr(batch, name), getattr(want, name)), name
    assert seen == order.tolist()


def test_integers_may_be_spelt_otherwise_in_new_data(tmp_path):
    events = make_events()
    events["rank"] = events["rank"].map("{:02d}".format)
    events.to_csv(tmp_path / "e.csv", index=False)
    encoder = EventEncoder.load(cached(tmp_path / "e.csv", make_labels(), tmp_path / "c"))
    position = [c.name for c in encoder.categorical].index("rank")
    codes = [
        next(encoder.batches(events.assign(rank=rank)))[1].categorical[0, 0, position].item()
        for rank in ("03", 3, 3.0, "3", "three", None)
    ]
    assert len(set(codes[:4])) == 1
    assert codes[0] > 1
    assert codes[4:] == [0, 1]


def test_extreme_numbers_stay_finite(cache):
    extreme = make_events().assign(amount=1e100, when=[1e99, -1e99] * 750)
    for _, batch in EventEncoder.load(cache).batches(extreme):
        assert all(torch.isfinite(field).all() for field in batch)


def test_new_data_that_cannot_be_encoded(cache):
    encoder = EventEncoder.load(cache)
    with pytest.raises(UserError, match="events: the table is empty"):
        next(encoder.batches(make_events().head(0)))
    with pytest.raises(UserError, match="no column 'shop'"):
        next(encoder.batches(make_events().drop(columns="shop")))
    with pytest.raises(UserError, match=r"row 1 of column 'when' holds 'noon'"):
        next(encoder.batches(make_events().assign(when="noon")))
    with pytest.raises(UserError, match="'amount' holds 'lots', which is no number"):
        next(encoder.batches(make_events().assign(amount="lots")))
