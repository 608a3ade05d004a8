"""Ids, labels and features are the same in training and in new data, in both tables, however they are spelled."""

from __future__ import annotations

import csv
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from event_tables import cached, make_events, make_labels

from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.errors import UserError

LARGE = 10_000_000_000
IDS = {
    "integers": (lambda i: i, lambda i: i),
    "decimals": (lambda i: float(LARGE + i), lambda i: LARGE + i),
    "decimals beyond 1e16": (lambda i: float(2**54 + 4 * i), lambda i: 2**54 + 4 * i),
    "integers of 19 digits": (lambda i: 9_100_000_000_000_000_000 + i, lambda i: 9_100_000_000_000_000_000 + i),
    "integers of 30 digits": (lambda i: f"{10**29 + i}", lambda i: f"{10**29 + i}"),
    "texts of digits": (lambda i: str(LARGE + i), lambda i: LARGE + i),
    "texts of exponents": (lambda i: f"{LARGE + i:.10e}", lambda i: LARGE + i),
    "zeros in front": (lambda i: f"{i:05}", lambda i: f"{i:05}"),
    "zeros in front of some": (lambda i: f"{i:02}", lambda i: f"{i:02}"),
    "words": (lambda i: f"u{i}", lambda i: f"u{i}"),
    "codes like exponents": (lambda i: f"{i}e3" if i % 2 else f"{i}f3", lambda i: f"{i}e3" if i % 2 else f"{i}f3"),
    "missing by name": (lambda i: "NA" if i == 7 else f"u{i}", lambda i: "NA" if i == 7 else f"u{i}"),
}


@pytest.mark.parametrize("case", IDS)
@pytest.mark.parametrize("store", ["frame", "parquet", "csv"])
def test_ids_match_and_come_out_as_they_went_in(tmp_path, case, store):
    of_event, of_label = IDS[case]
    events, labels = make_events(), make_labels()
    events, labels = (t.assign(user=[f(u) for u in t["user"]]) for t, f in ((events, of_event), (labels, of_label)))
    want = labels["user"].tolist()
    if store == "parquet":
        events.to_parquet(tmp_path / "e.parquet")
        events = tmp_path / "e.parquet"
    elif store == "csv":
        events.to_csv(tmp_path / "e.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
        events = tmp_path / "e.csv"
    out = cached(events, labels, tmp_path / "c")
    assert sorted(EventDataModule(out).arrays.ids.tolist()) == sorted(want)
    new = [i for ids, _ in EventEncoder.load(out).batches(events) for i in ids.tolist()]
    assert sorted(new) == sorted(want)


def test_007_is_not_7(tmp_path):
    events = make_events().assign(user=lambda t: t["user"].map(str).replace({"8": "007"}))
    labels = make_labels().assign(user=lambda t: t["user"].map(str).replace({"8": "007"}))
    out = cached(events, labels, tmp_path / "c")
    assert {"7", "007"} < set(EventDataModule(out).arrays.ids.tolist())
    with pytest.raises(UserError, match=r"such as user '007', which the labels write '7': write both alike"):
        cached(events[events["user"] != "7"], labels[labels["user"] != "007"], tmp_path / "d")


LABELS = {
    "integers": ([0, 1], [0, 1]),
    "decimals": ([0.0, 1.0], [0, 1]),
    "texts": (["0", "1"], [0, 1]),
    "truth values": ([False, True], ["false", "true"]),
    "strings that look missing": (["NA", "None"], ["NA", "None"]),
    "halves": ([0.5, 1.5], ["0.5", "1.5"]),
    "large": ([float(LARGE), 0.0], [0, LARGE]),
}


@pytest.mark.parametrize("case", LABELS)
@pytest.mark.parametrize("store", ["frame", "parquet", "csv"])
def test_labels_are_read_alike(tmp_path, case, store):
    values, classes = LABELS[case]
    labels = make_labels().assign(y=lambda t: [values[u % 3 == 0] for u in t["user"]])
    if store == "parquet":
        labels.to_parquet(tmp_path / "l.parquet")
    elif store == "csv":
        labels.to_csv(tmp_path / "l.csv", index=False, quoting=csv.QUOTE_NONNUMERIC)
    table = labels if store == "frame" else tmp_path / f"l.{store}"
    data = EventDataModule(cached(make_events(), table, tmp_path / "c"))
    assert data.target.names == classes
    assert np.bincount(data.arrays.label).min() == 20


def test_minus_zero_is_zero(tmp_path):
    labels = make_labels().assign(y=[1.0 if u % 3 == 0 else -0.0 if u % 2 else 0.0 for u in range(60)])
    labels.to_csv(tmp_path / "l.csv", index=False)
    for i, table in enumerate([labels, tmp_path / "l.csv"]):
        assert EventDataModule(cached(make_events(), table, tmp_path / f"{i}")).target.names == [0, 1]


def test_what_was_taken_for_missing_is_named(tmp_path):
    make_labels().assign(y=lambda t: ["None" if u % 3 else "Severe" for u in t["user"]]).to_csv(tmp_path / "l.csv")
    with pytest.raises(UserError, match=r'first in row 2, which holds None: mend or drop.*write "None" in quotes'):
        cached(make_events(), tmp_path / "l.csv", tmp_path / "c")
    events = make_events().astype({"user": str}).replace({"user": {"5": "NA"}})
    events.to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(UserError, match=r'column \'user\' is missing in .*, which holds NA: .*write "NA" in quotes'):
        cached(tmp_path / "e.csv", make_labels(), tmp_path / "c")


def plain(events, path):
    events.to_csv(path, index=False)


def german(events, path):
    dates = events.assign(when=events["when"].dt.strftime("%d.%m.%Y %H:%M:%S"))
    dates.to_csv(path, index=False, sep=";", decimal=",", encoding="utf-16")


def american(events, path):
    amount = [None if np.isnan(v) else f"${v:,.2f}" for v in events["amount"]]
    when = events["when"].dt.strftime("%m/%d/%Y %I:%M:%S %p")
    events.assign(amount=amount, when=when).to_csv(path, index=False)


def of_bigquery(events, path):
    events.assign(when=events["when"].dt.strftime("%Y-%m-%d %H:%M:%S UTC")).to_csv(path, index=False)


def of_spark(events, path):
    path.mkdir()
    events[:700].to_parquet(path / "part-0.parquet")
    events[700:].astype({"amount": str, "rank": float}).to_parquet(path / "part-1.parquet")


def compact(events, path):
    events.assign(when=events["when"].dt.strftime("%Y%m%d%H%M%S").astype(int)).to_csv(path, index=False)


@pytest.mark.parametrize("write", [plain, german, american, of_bigquery, of_spark, compact])
def test_training_and_new_data_are_encoded_alike_in_any_spelling(tmp_path, write):
    events = make_events()
    events["when"] = pd.Timestamp("2024-02-27") + pd.to_timedelta(events["when"], unit="h").dt.round("s")
    write(events, tmp_path / "e.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        want = EventEncoder.load(cached(events, make_labels(), tmp_path / "want"))
        encoder = EventEncoder.load(cached(tmp_path / "e.csv", make_labels(), tmp_path / "c"))
        assert encoder == want
        batches = [dict(zip(("a", "b"), (e.batches(t) for e, t in pairs), strict=True)) for pairs in [
            ((want, events), (want, tmp_path / "e.csv")), ((want, events), (encoder, events))
        ]]  # fmt: skip
        for pair in batches:
            for (ids, one), (again, other) in zip(pair["a"], pair["b"], strict=True):
                assert ids.tolist() == again.tolist()
                for name in ("categorical", "numeric", "time", "gap"):
                    assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_new_data_that_leave_it_open_are_read_as_the_training_table_was(tmp_path):
    events = make_events()
    events["when"] = pd.Timestamp("2024-02-27") + pd.to_timedelta(events["when"], unit="h").dt.round("s")
    german(events, tmp_path / "e.csv")
    encoder = EventEncoder.load(cached(tmp_path / "e.csv", make_labels(), tmp_path / "c"))
    assert [(c.name, c.style) for c in encoder.numeric] == [("amount", "comma")]
    american(events, tmp_path / "a.csv")
    encoder = EventEncoder.load(cached(tmp_path / "a.csv", make_labels(), tmp_path / "d"))
    assert encoder.clock.style == "month first"
    row = {"user": 1, "when": "03/04/2024", "shop": "north", "amount": 1, "rank": 1, "open": True}
    ((_, batch),) = encoder.batches(pd.DataFrame([row]))
    fourth = (pd.Timestamp("2024-03-04").timestamp() - encoder.clock.minimum) / encoder.clock.span
    assert batch.time[0, 0].item() == pytest.approx(fourth, abs=1e-6)


def test_new_numbers_that_cannot_be_read_count_as_missing(tmp_path):
    encoder = EventEncoder.load(cached(make_events(), make_labels(), tmp_path / "c"))
    new = make_events().astype({"amount": object})
    new.loc[3, "amount"] = "lots"
    with pytest.warns(
        UserWarning, match=r"column 'amount': 1 value is no number and taken for missing, .*'lots' in row 4"
    ):
        batches = list(encoder.batches(new))
    assert all(torch.isfinite(batch.numeric).all() for _, batch in batches)


def test_a_column_of_dictionaries_is_read_as_its_values(tmp_path):
    events = make_events()
    table = pa.Table.from_pandas(events, preserve_index=False)
    place = table.schema.get_field_index("shop")
    pa.parquet.write_table(table.set_column(place, "shop", table["shop"].dictionary_encode()), tmp_path / "e.parquet")
    one, two = (cached(e, make_labels(), tmp_path / n) for n, e in (("a", events), ("b", tmp_path / "e.parquet")))
    assert EventEncoder.load(one) == EventEncoder.load(two)
