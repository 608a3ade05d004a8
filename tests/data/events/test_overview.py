"""What every column was taken for: kept with the encoder, and told where it is not what its user would think."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from event_tables import cached, make_events, make_labels

from nni_nasplus.data.cache import meta_of
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.overview import ColumnSummary, as_text, users_as_text
from nni_nasplus.data.targets import Classes, Number, Tags
from nni_nasplus.errors import UserError


def columns(events, out, **options):
    """What became of each column, and what was told meanwhile."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        encoder = EventEncoder.load(cached(events, make_labels(), out, **options))
    return {c.name: c for c in encoder.columns}, "\n".join(str(w.message) for w in told)


def test_the_preprocessing_keeps_what_every_column_was_taken_for(tmp_path):
    events = make_events()
    events["due"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(np.arange(len(events)) % 97, unit="D")
    events["price"] = [*events["when"].add(0.5).map(str)[:-2], "?", "free"]
    events = events.assign(flat=1, sku=[f"s{i % 700}" for i in range(len(events))], y=0, note="x")
    found, told = columns(events, tmp_path / "c", ignore=["note"])
    missing = make_events().isna().sum()
    assert [*found.values()] == [
        ColumnSummary("user", "id"),
        ColumnSummary("when", "time", note="numbers"),
        ColumnSummary("shop", "category", missing["shop"], levels=3),
        ColumnSummary("amount", "number", missing["amount"]),
        ColumnSummary("rank", "category", levels=5),
        ColumnSummary("open", "category", levels=2),
        ColumnSummary("due", "date"),
        ColumnSummary("price", "number", 2, 2, note=found["price"].note),
        ColumnSummary("flat", "left out", note="has one value only, or none, in the training events"),
        ColumnSummary("sku", "left out", note="has no value that occurs 5 times in the training events"),
        ColumnSummary("y", "left out", note="the target"),
        ColumnSummary("note", "left out", note="ignored"),
    ]
    assert found["price"].note == "2 values are no number and taken for missing, the first '?' in row 1499"
    for line in ("column 'price': 2 values", "'sku' has no value that occurs 5 times", "'flat' has one value only"):
        assert line in told
    kept = json.loads((tmp_path / "c" / "preprocessing.json").read_text())["columns"]
    assert kept[0] == {"name": "user", "taken": "id", "missing": 0, "unreadable": 0, "levels": None, "note": ""}


def test_it_is_a_plain_table():
    text = as_text([ColumnSummary("user", "id"), ColumnSummary("kind", "category", 1234, levels=3, note="odd")])
    assert text.splitlines() == [
        "column  taken for  missing  levels",
        "user    id               0",
        "kind    category     1,234       3  odd",
    ]


INDEXES = {
    "of pandas": lambda e: e.reset_index(drop=True).reset_index(names=""),
    "read again": lambda e: e.reset_index(drop=True).reset_index(names="Unnamed: 0"),
    "from 1, as of R": lambda e: e.assign(**{"": range(1, len(e) + 1)}),
    "shuffled": lambda e: e.sample(frac=1, random_state=0).reset_index(names=""),
    "of two files": lambda e: e.assign(**{"": [*range(700), *range(len(e) - 700)]}),
    "of reset_index": lambda e: e.reset_index(drop=True).reset_index(names="index"),
}


@pytest.mark.parametrize("case", INDEXES)
def test_an_index_is_left_out(tmp_path, case):
    INDEXES[case](make_events()).to_csv(tmp_path / "e.csv", index=False)
    found, told = columns(tmp_path / "e.csv", tmp_path / "c")
    ((name, index),) = [(n, c) for n, c in found.items() if c.taken == "left out"]
    assert index.note == "numbers the rows"
    assert told == f"column {name!r} numbers the rows: left out"


def test_a_column_without_a_name_that_counts_no_rows_is_used(tmp_path):
    make_events().assign(**{"": np.arange(1500) % 77 * 3}).to_csv(tmp_path / "e.csv", index=False)
    assert columns(tmp_path / "e.csv", tmp_path / "c")[0][""].taken == "number"


CONTRADICTIONS = {
    "ignored and numeric": ({"ignore": ["amount"], "numeric": ["amount"]}, "named by --numeric and --ignore"),
    "both kinds": ({"categorical": ["rank"], "numeric": ["rank"]}, "'rank' is named by --categorical and --numeric"),
    "ignored and categorical": ({"categorical": ["rank"], "ignore": ["rank"]}, "named by --categorical and --ignore"),
    "twice": ({"ignore": ["rank", "rank"]}, "'rank' is named by --ignore twice"),
    "ignored id": ({"ignore": ["user"]}, "'user' is named by --id and --ignore"),
    "numeric time": ({"numeric": ["when"]}, "'when' is named by --time and --numeric"),
    "numeric target": ({"numeric": ["y"]}, "'y' is named by --target and --numeric"),
    "time as id": ({"time": "user"}, "'user' is named by --id and --time"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_options_that_contradict_each_other_are_refused(tmp_path, case):
    options, message = CONTRADICTIONS[case]
    with pytest.raises(UserError, match=f"{message}: leave one out"):
        cached(make_events().assign(y=1), make_labels(), tmp_path / "c", **options)


def test_a_date_far_from_the_others_is_told(tmp_path):
    events = make_events()
    events["when"] = pd.Timestamp("2024-03-01") + pd.to_timedelta(events["when"], unit="h")
    events["when"] = events["when"].dt.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
    events.loc[200, "when"] = "9999-12-31T23:59:59.9999999Z"
    events.to_csv(tmp_path / "e.csv", index=False)
    for i, table in enumerate([events, tmp_path / "e.csv"]):
        told = columns(table, tmp_path / f"{i}")[1]
        assert "events: row 201 of column 'when' is " in told
        assert "far from most others, which lie within 15.3 days: mend or drop it" in told


def test_times_that_are_no_times_are_named(tmp_path):
    events = make_events().astype({"when": object})
    events.loc[447, "when"] = "n.a."
    events.loc[500, "when"] = "soon"
    message = r"row 448 of column 'when' holds 'n.a.', which is no time \(2 such rows in all\): mend or drop this row$"
    with pytest.raises(UserError, match=message):
        cached(events, make_labels(), tmp_path / "c")
    encoder = EventEncoder.load(cached(make_events(), make_labels(), tmp_path / "d"))
    with pytest.raises(UserError, match=message):
        next(encoder.batches(events))


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ([920, 80], "left: 2 classes: a (92 %), b (8 %)"),
        ([99_960, 40], "left: 2 classes: a (100 %), b (0.04 %)"),
        ([1] * 12, "left: 12 classes: " + ", ".join(f"{name} (8 %)" for name in "abcdefghij") + ", …"),
    ],
)
def test_classes_are_named_with_their_shares(counts, line):
    label = np.repeat(np.arange(len(counts)), counts)
    classes = Classes("left", tuple("abcdefghijkl"[: len(counts)]))
    assert f"left: {classes.summary(label)}" == line


def test_numbers_and_labels_are_told_of_too():
    number = Number("spent", 100.0, 10.0)
    encoded = number.encoded(np.arange(80.0, 121.0)[:, None])
    assert number.summary(encoded) == "a number: 80 90 100 110 120 (least, quartiles, most)"
    tags = Tags(("sports", "music"), ((0, 1), (0, 1)))
    assert tags.summary(np.array([[1, 0], [0, 0], [0, 1], [1, 0]])) == "2 labels at once: sports (50 %), music (25 %)"


@pytest.mark.parametrize(
    ("longer", "max_length", "cut"),
    [
        (0, 256, None),
        (1203, 256, "1,203 of 5,000 users have more than 256 events; their last 256 are used (--max-length)"),
        (7, 90, "7 of 5,000 users have more than 90 events; their last 90 are used (as many as a training user has at"),
    ],
)
def test_histories_that_are_cut_are_counted(longer, max_length, cut):
    said = {
        "users": {"train": 3500, "val": 750, "test": 750},
        "split": "at random",
        "longer": longer,
        "unmatched": [0, 0],
        "made_from": {"max_length": 256},
    }
    first, *rest = users_as_text(said, max_length).splitlines()
    assert first == "users: 3,500 train, 750 validate, 750 test: at random"
    assert (rest == []) if cut is None else rest[0].startswith(cut)


def test_users_who_are_left_out_are_counted(tmp_path):
    events, labels = make_events(), make_labels()
    folder = cached(events[events["user"] != labels["user"][0]], labels[:-3], tmp_path / "c", drop_unmatched=True)
    assert "left out: 3 users without a label, 1 without an event\n" in users_as_text(meta_of(folder), 256)
