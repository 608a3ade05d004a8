"""Frames and series in whatever shape people have them, as the tables that are prepared."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from nni_nasplus import UserError
from nni_nasplus.estimators.tables import event_table, label_table, spelt

USERS = ["u1", "u2", "u3"]
CHURN = pd.Series([0, 1, 0], index=USERS, name="churn")
FRAME = pd.DataFrame({"user": USERS, "churn": [0, 1, 0]})


@pytest.mark.parametrize(
    ("labels", "target", "name"),
    [
        (CHURN, None, "churn"),
        (CHURN.rename(None), None, "label"),
        (CHURN.rename("user"), None, "label"),
        (CHURN.rename_axis("customer"), None, "churn"),
        (CHURN, "left", "left"),
        (CHURN.astype("category"), None, "churn"),
        (FRAME, None, "churn"),
        (FRAME.assign(age=30), "churn", "churn"),
        (FRAME.set_index("user"), None, "churn"),
        (FRAME.set_index("user").rename_axis(None), None, "churn"),
        (FRAME.set_index(["user", "churn"], drop=False), None, "churn"),
    ],
)
def test_labels_are_a_table_of_ids_and_targets(labels, target, name):
    table, (found,) = label_table(labels, "user", target)
    assert found == name
    assert dict(zip(table["user"], table[found], strict=True)) == {"u1": 0, "u2": 1, "u3": 0}


def test_ids_from_zero_on_in_an_index_are_ids():
    table, _ = label_table(pd.DataFrame({"churn": [0, 1]}), "user", None)
    assert list(table["user"]) == [0, 1]


@pytest.mark.parametrize(
    ("labels", "target", "message"),
    [
        ([0, 1, 0], None, "labels are a list: give a Series indexed by user, a DataFrame with a column user"),
        (np.zeros(3), None, "labels are a ndarray"),
        ("labels.csv", None, "labels are in a file: name the column to predict with --target"),
        (FRAME.assign(age=30), None, "labels have the columns 'churn', 'age': name the one to predict by --target"),
        (FRAME[["user"]], None, "labels have no column beside 'user': add the one to predict"),
        (
            FRAME.rename(columns={"user": "customer"}),
            None,
            "no column 'user', but 'customer', 'churn': name one by --id",
        ),
        (FRAME.assign(day=1).set_index(["user", "day"])["churn"], None, "labels are indexed by 2 levels"),
    ],
)
def test_labels_that_do_not_say_what_they_are_of_are_refused(labels, target, message):
    with pytest.raises(UserError, match=message):
        label_table(labels, "user", target)


DAYS = pd.date_range("2024-01-01", periods=3)
EVENTS = pd.DataFrame({"user": USERS, "day": DAYS, "amount": [1.0, 2.0, 3.0]})


@pytest.mark.parametrize(
    "events",
    [
        EVENTS,
        EVENTS.set_index("user"),
        EVENTS.set_index(["user", "day"]),
        EVENTS.set_index("user", drop=False),
        EVENTS.set_index("amount", append=True, drop=False),
        EVENTS.set_axis(pd.CategoricalIndex(EVENTS.columns), axis=1).set_index(EVENTS["user"], drop=False),
        EVENTS.assign(day=EVENTS["day"].dt.to_period("D")),
    ],
)
def test_ids_and_times_may_be_in_the_index(events):
    table = event_table(events, "user", "day")
    pd.testing.assert_frame_equal(table[list(EVENTS)], EVENTS, check_dtype=False)


def test_durations_are_seconds():
    table = event_table(EVENTS.assign(day=EVENTS["day"] - DAYS[0]), "user", "day")
    assert list(table["day"]) == [0, 86_400, 172_800]


def test_the_frame_that_was_given_stays_as_it_was():
    events = EVENTS.set_index("user").rename(columns={"amount": 0})
    before = events.copy()
    event_table(events, "user", "day")
    pd.testing.assert_frame_equal(events, before)


def test_events_are_a_frame_or_a_path():
    assert event_table("events.csv", "user") == "events.csv"
    with pytest.raises(UserError, match="events are a dict: give a DataFrame of one row an event"):
        event_table({"user": USERS}, "user")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([3, 1, 3], {"3": 3, "1": 1}),
        ([1.0, 0.5, -0.0], {"1": 1.0, "0.5": 0.5, "0": -0.0}),
        ([True, False], {"true": True, "false": False}),
        (["01", "1"], {"01": "01", "1": "1"}),
        (["a", None, "b"], {"a": "a", "b": "b"}),
        ([1, "1", "x"], {"1": 1, "x": "x"}),
        ([datetime.date(2024, 1, 31)], {"2024-01-31": datetime.date(2024, 1, 31)}),
        (pd.Categorical(["low", "high", "low"]), {"low": "low", "high": "high"}),
        (pd.array([1, None], "Int64"), {"1": 1}),
    ],
)
def test_values_are_found_again_by_the_text_that_they_are_prepared_as(values, texts):
    assert spelt(pd.Series(values)) == texts
