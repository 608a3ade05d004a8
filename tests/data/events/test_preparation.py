"""Preparing event data: what sources say, kinds of columns, splits, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from event_tables import cached, make_events, make_labels, same_cache

from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.errors import UserError


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
    assert encoder.target.values == ("false", "true")


def test_kinds_can_be_declared(tmp_path):
    events = make_events()
    out = cached(events, make_labels(), tmp_path / "c", categorical=["amount"], numeric=["rank"], ignore=["shop"])
    encoder = EventEncoder.load(out)
    assert [c.name for c in encoder.categorical] == ["amount", "open"]
    assert [c.name for c in encoder.numeric] == ["rank"]


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


def test_a_late_contradiction_makes_a_column_text(tmp_path, monkeypatch):
    monkeypatch.setattr("nni_nasplus.data.events.tables.source._BLOCK_BYTES", 2000)
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
    assert data.target.names == [0, 10, 20]
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
    with pytest.raises(UserError, match="three positive ones"):
        cached(make_events(), make_labels(), tmp_path / "c", shares=(0.7, 0.3, 0.0))
