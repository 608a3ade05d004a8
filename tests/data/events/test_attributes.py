"""Attributes of users, which stand beside their events."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from event_tables import USERS, cached, make_events, make_labels, same_cache

from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.module import EventDataModule
from nni_nasplus.errors import UserError

STATIC = ["age", "joined", "region"]


def labels():
    """Labels with an attribute of each kind, some of them missing."""
    rng = np.random.default_rng(7)
    table = make_labels().assign(
        age=rng.integers(18, 90, USERS),
        region=rng.choice(["n", "s", "w"], USERS),
        joined=pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, USERS), unit="D"),
    )
    return table.astype({"age": float}).assign(age=lambda t: t["age"].mask(t["user"] % 10 == 3))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return cached(make_events(), labels(), tmp_path_factory.mktemp("static") / "c", static=STATIC)


def encoded(cache, name):
    """The encoded column of every event, and the position of its user."""
    encoder, arrays = EventEncoder.load(cache), EventArrays.open(cache)
    user = np.repeat(np.arange(len(arrays.label)), np.diff(arrays.offsets))
    names = [column.name for column in encoder.categorical]
    if name in names:
        return arrays.categorical[:, names.index(name)], user
    before = [column.width for column in encoder.numeric[: [c.name for c in encoder.numeric].index(name)]]
    return arrays.numeric[:, sum(before)], user


@pytest.mark.parametrize("name", STATIC)
def test_an_attribute_is_the_same_at_all_events_of_a_user_and_tells_users_apart(prepared, name):
    values, user = encoded(prepared, name)
    first = values[EventArrays.open(prepared).offsets[:-1]]
    np.testing.assert_array_equal(values, first[user])
    assert len(np.unique(first)) == labels()[name].nunique()


def test_kinds_of_attributes_are_told_from_the_data_and_can_be_declared(prepared, tmp_path):
    encoder = EventEncoder.load(prepared)
    assert encoder.static == ("age", "joined", "region")
    assert [column.kind for column in encoder.numeric if column.name in STATIC] == ["number", "seconds"]
    kinds = {column.name: (column.taken, column.missing) for column in encoder.columns if "static" in column.note}
    assert kinds == {"age": ("number", 6), "joined": ("date", 0), "region": ("category", 0)}
    table = labels().assign(age=labels()["user"] % 4)
    options = {"static": ["age"], "numeric": ["age"]}
    numbers = EventEncoder.load(cached(make_events(), table, tmp_path / "n", **options))
    assert "age" in [column.name for column in numbers.numeric]
    codes = EventEncoder.load(cached(make_events(), table, tmp_path / "c", static=["age"]))
    assert "age" in [column.name for column in codes.categorical]


def test_an_attribute_is_fitted_on_training_users_who_all_count_alike(prepared):
    arrays, table = EventArrays.open(prepared), labels()
    age = next(column for column in EventEncoder.load(prepared).numeric if column.name == "age")
    train = table["user"].isin(arrays.ids[arrays.split == 0])
    assert age.centre == table["age"][train].median()


def test_a_value_of_few_users_is_unknown_however_many_events_they_have(tmp_path):
    table = labels().assign(region=lambda t: t["region"].mask(t["user"] < 4, "rare"))
    encoder = EventEncoder.load(cached(make_events(), table, tmp_path / "c", static=["region"]))
    (region,) = (column for column in encoder.categorical if column.name == "region")
    assert "rare" not in region.values


def test_attributes_are_what_events_would_say_at_every_row(prepared, tmp_path):
    """Networks see of an attribute what they see of a column of the events that holds it."""
    beside, _ = encoded(prepared, "region")
    events = make_events().merge(labels()[["user", "region"]], on="user")
    within, _ = encoded(cached(events, labels(), tmp_path / "c"), "region")
    pairs = {(a, b) for a, b in zip(beside.tolist(), within.tolist(), strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_new_users_are_encoded_as_the_prepared_ones(prepared, tmp_path):
    encoder, arrays = EventEncoder.load(prepared), EventArrays.open(prepared)
    labels().drop(columns="y").sample(frac=1, random_state=3).to_csv(tmp_path / "users.csv", index=False)
    new = make_events().sort_values("user", kind="stable")
    for attributes in (labels(), tmp_path / "users.csv"):
        ((ids, batch),) = encoder.batches(new, attributes=attributes)
        assert ids.tolist() == arrays.ids.tolist()
        old = arrays.batch(np.arange(USERS), encoder.max_length)
        np.testing.assert_array_equal(batch.categorical, old.categorical)
        np.testing.assert_allclose(batch.numeric, old.numeric)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            None,
            "the network reads 'age', 'joined', 'region' of each user too: name the table that has them",
        ),
        (labels().drop(columns="age"), "attributes has no column 'age': choose from 'user'"),
        (labels().drop(columns="user"), "attributes has no column 'user'"),
        (labels()[:57], "attributes: 3 users with events are missing, such as user '5"),
        (pd.concat([labels(), labels()[:1]]), "attributes: user '0' occurs twice"),
        (labels()[:0], "attributes: the table is empty"),
        ("nowhere.csv", "attributes: no file nowhere.csv"),
    ],
)
def test_attributes_that_cannot_be_read_are_named(prepared, attributes, message):
    with pytest.raises(UserError) as caught:
        next(EventEncoder.load(prepared).batches(make_events(), attributes=attributes))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_attributes_given_in_vain_are_refused(cache):
    with pytest.raises(UserError, match="reads no attributes of users: leave their table out"):
        next(EventEncoder.load(cache).batches(make_events(), attributes=labels()))


def test_of_users_without_attributes_these_are_missing_if_that_is_asked_for(prepared):
    encoder = EventEncoder.load(prepared)
    some = labels()[:50]
    blank = labels().assign(**{name: labels()[name].mask(labels()["user"] >= 50) for name in STATIC})
    ((_, found),) = encoder.batches(make_events(), attributes=some, complete=False)
    ((_, wanted),) = encoder.batches(make_events(), attributes=blank)
    np.testing.assert_array_equal(found.categorical, wanted.categorical)
    np.testing.assert_array_equal(found.numeric, wanted.numeric)


def test_an_ignored_column_of_the_events_leaves_its_name_to_an_attribute(prepared, tmp_path):
    events = make_events().assign(region="x")
    with pytest.raises(UserError, match="--static region is a column of the events too: rename one"):
        cached(events, labels(), tmp_path / "a", static=STATIC)
    cache = cached(events, labels(), tmp_path / "b", static=STATIC, ignore=["region"])
    for name, array in vars(EventArrays.open(prepared)).items():
        np.testing.assert_array_equal(array, getattr(EventArrays.open(cache), name))
    notes = [column.note for column in EventEncoder.load(cache).columns if column.name == "region"]
    assert notes == ["ignored", "static"]


def told(out, **columns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        cached(make_events(), make_labels().assign(**columns), out, static=list(columns))
    return [str(warning.message) for warning in caught]


def test_an_attribute_that_is_the_label_by_another_name_is_warned_of(tmp_path):
    truth = make_labels()["y"]
    leaks = {
        "same": truth,
        "code": truth.map({True: "left", False: "stayed"}),
        "finer": truth * 2 + truth.index % 2 * ~truth,
    }
    for name, values in leaks.items():
        (line,) = told(tmp_path / name, **{name: values})
        assert line == f"--static {name} tells 'y' of every user: leave it out unless it is known before 'y' is"
    assert told(tmp_path / "harmless", own=np.arange(USERS) * 1.5, other=truth.index % 5) == []


def test_a_constant_attribute_is_left_out_by_name(tmp_path):
    assert told(tmp_path / "c", flat="x") == [
        "column 'flat' has one value only, or none, in the training users: left out"
    ]
    encoder = EventEncoder.load(tmp_path / "c")
    assert encoder.static == ()
    same = cached(make_events(), make_labels(), tmp_path / "d")
    assert EventEncoder.load(same) == encoder


def test_without_attributes_nothing_has_changed(cache, tmp_path):
    same_cache(cache, cached(make_events(), labels(), tmp_path / "c"))
    assert EventDataModule(cache).encoder.static == ()
