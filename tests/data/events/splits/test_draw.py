"""Which users train, validate and test, and that nothing of a test is seen before."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from event_tables import USERS, cached, make_events, make_labels, same_cache
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus.data.cache import meta_of
from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.events.splits.draw import TEST, TRAIN, VAL, Draw, by_column
from nni_nasplus.errors import UserError

SHARES = (0.7, 0.15, 0.15)


def labels(**columns):
    """Labels with a household of three users each, and a column that names the split of each."""
    fold = ["train", "VALID", "Test"]
    return make_labels().assign(
        house=[f"h{u // 3}" for u in range(USERS)], fold=[fold[u // 3 % 3] for u in range(USERS)], **columns
    )


def split_of(cache):
    """The split of each user by id."""
    arrays = EventArrays.open(cache)
    return dict(zip(arrays.ids.tolist(), arrays.split.tolist(), strict=True))


def test_a_column_names_the_split_of_each_user(tmp_path):
    table = labels()
    found = split_of(cached(make_events(), table, tmp_path / "c", split="fold"))
    names = {"train": TRAIN, "VALID": VAL, "Test": TEST}
    assert found == {user: names[fold] for user, fold in zip(table["user"], table["fold"], strict=True)}


@pytest.mark.parametrize("word", ["train", "Training", " TRAIN "])
def test_splits_are_called_what_people_call_them(word):
    assert by_column("fold", np.array([word, "dev", "Validation", "testing"])).tolist() == [TRAIN, VAL, VAL, TEST]


def test_validation_users_are_drawn_from_the_training_ones_where_none_are_named(tmp_path):
    table = labels().replace({"fold": {"VALID": "train"}})
    cache = cached(make_events(), table, tmp_path / "c", split="fold")
    found, arrays = split_of(cache), EventArrays.open(cache)
    assert {user for user in found if found[user] == TEST} == set(table["user"][table["fold"] == "Test"])
    assert arrays.label[arrays.split == VAL].mean() == pytest.approx(1 / 3, abs=0.1)
    assert "validation users drawn from the training ones" in meta_of(cache)["split"]


@pytest.mark.parametrize("options", [{"groups": "house"}, {"groups": "house", "test_after": "374"}])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_household_is_never_torn_apart(tmp_path, options, seed):
    found = split_of(cached(make_events(), labels(), tmp_path / "c", seed=seed, **options))
    assert set(found.values()) == {TRAIN, VAL, TEST}
    for house in range(USERS // 3):
        assert len({found[user] for user in range(3 * house, 3 * house + 3)}) == 1


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 5), min_size=24, max_size=48), seed=st.integers(0, 9), classes=st.booleans())
def test_groups_of_any_sizes_stay_whole_and_every_split_has_every_class(sizes, seed, classes):
    groups = np.repeat([f"g{i}" for i in range(len(sizes))], sizes)
    label = np.arange(len(groups)) % 2 if classes else None
    try:
        found = Draw(SHARES, seed, label, ["no", "yes"] if classes else (), groups).split(len(groups))
    except UserError as error:
        assert "where 2 are needed" in str(error)
        return
    assert all(len(set(found[groups == name])) == 1 for name in groups)
    for split in (TRAIN, VAL, TEST):
        assert label is None or np.bincount(label[found == split], minlength=2).min() >= 2
    assert np.mean(found == TRAIN) > 0.4


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(USERS)))
def test_the_order_of_the_labels_changes_no_split(tmp_path_factory, order):
    out = tmp_path_factory.mktemp("c")
    for options in ({"groups": "house"}, {"test_after": "370"}):
        name = "-".join(options)
        one = cached(make_events(), labels(), out / f"{name}-one", **options)
        other = cached(make_events(), labels().iloc[list(order)], out / f"{name}-other", **options)
        same_cache(one, other)


@pytest.mark.parametrize("date", ["2024-03-07", "2024-03-06 12:30", "07.03.2024", "20240307"])
def test_no_event_on_or_after_the_date_is_seen_before_the_test(tmp_path, date):
    start, limit = pd.Timestamp("2024-02-28"), pd.Timestamp(date if ":" in date else "2024-03-07")
    events = make_events(n=400)
    events = events.assign(when=start + pd.to_timedelta(events["when"] * 2, unit="h"))
    late = events["when"] >= limit
    events = events.assign(shop=events["shop"].where(~late, "after"), amount=events["amount"].where(~late, 1e9))
    cache = cached(events, labels(), tmp_path / "c", test_after=date)
    found = split_of(cache)
    assert {user for user in found if found[user] == TEST} == set(events["user"][late])
    encoder = EventEncoder.load(cache)
    train = events[events["user"].map(found) == TRAIN]
    assert "after" not in next(column for column in encoder.categorical if column.name == "shop").values
    assert (start + pd.Timedelta(encoder.clock.minimum - start.timestamp(), "s")) == train["when"].min()
    assert encoder.clock.minimum + encoder.clock.span < limit.timestamp()
    amount = next(column for column in encoder.numeric if column.name == "amount")
    assert amount.centre == pytest.approx(train["amount"].median())


def test_the_date_counts_although_a_long_history_is_cut(tmp_path):
    events = make_events()
    last = events.groupby("user")["when"].max()
    for length in (1, 256):
        found = split_of(cached(events, labels(), tmp_path / str(length), test_after="370", max_length=length))
        assert {user for user in found if found[user] == TEST} == set(last.index[last >= 370])


def test_tables_of_validation_and_test_users(tmp_path):
    table = labels(age=np.arange(USERS))
    parts = [table[table["fold"] == name].drop(columns="fold") for name in ("train", "VALID", "Test")]
    by_tables = cached(
        make_events(), parts[0], tmp_path / "a", val_labels=parts[1], test_labels=parts[2], static=["age"]
    )
    same_cache(by_tables, cached(make_events(), table, tmp_path / "b", split="fold", static=["age"]))
    for name, part in zip("tev", parts, strict=True):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    files = [tmp_path / f"{name}.csv" for name in "tev"]
    from_files = cached(
        make_events(), files[0], tmp_path / "d", val_labels=files[1], test_labels=files[2], static=["age"]
    )
    same_cache(by_tables, from_files)


@pytest.mark.parametrize(
    "other", [{"split": "fold"}, {"groups": "house"}, {"test_after": "372"}, {"static": ["house"]}, {"seed": 5}]
)
def test_another_split_is_another_cache(tmp_path, other):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cached(make_events(), labels(), tmp_path / "c")
        with pytest.raises(UserError, match=f"was prepared from other {next(iter(other))}"):
            cached(make_events(), labels(), tmp_path / "c", **other)


def test_what_is_said_of_the_users_is_kept(tmp_path):
    cache = cached(make_events(), labels(), tmp_path / "c", max_length=20, groups="house")
    said = json.loads((cache / "meta.json").read_text())
    assert sum(said["users"].values()) == USERS
    assert said["longer"] == (make_events().groupby("user").size() > 20).sum()
    assert said["split"] == "at random, groups of 'house' whole"


def table_without(*users):
    return labels()[lambda frame: ~frame["user"].isin(users)]


SOME = labels()["user"] < 45
BAD = {
    "missing split column": (labels(), {"split": "nope"}, "labels has no column 'nope': choose from"),
    "missing group column": (labels(), {"groups": "nope"}, "labels has no column 'nope': choose from"),
    "unknown split": (
        labels().replace({"fold": {"Test": "holdout"}}), {"split": "fold"},
        "column 'fold' holds 'holdout', which names no split: write train, val or test",
    ),
    "nobody tests": (
        labels().replace({"fold": {"Test": "train"}}), {"split": "fold"}, "no user is called test in column 'fold'"
    ),
    "nobody trains": (
        labels().replace({"fold": {"train": "val"}}), {"split": "fold"}, "no user is called train in column 'fold'"
    ),
    "no value": (
        labels().assign(fold=[None, *labels()["fold"][1:]]), {"split": "fold"}, "column 'fold' is missing in 1 rows"
    ),
    "no group": (
        labels().assign(house=[None, *labels()["house"][1:]]), {"groups": "house"}, "'house' is missing in 1 rows"
    ),
    "class missing in training": (
        labels().assign(y=[u % 9 < 3 for u in range(USERS)]), {"split": "fold"},
        "0 users of class 'false' train, where 2 are needed",
    ),
    "one group": (labels(), {"groups": "one"}, "1 group is left to be split"),
    "two groups": (labels(), {"groups": "two"}, "1 group is left to be split"),
    "torn group": (
        labels(), {"split": "fold", "groups": "two"}, "users of group 'a', 'b' are in more than one split: put each"
    ),
    "no number": (labels(), {"test_after": "2024-01-01"}, "is no number, as the times of the events are: write it as"),
    "late date": (labels(), {"test_after": "375"}, "lies after the last event of all users, so that none tests"),
    "early date": (labels(), {"test_after": "3"}, "lies before the last event of every user, or of one of its group"),
    "few test": (labels(), {"test_after": "374.7"}, "users of class 'true' test, where 2 are needed"),
    "two ways": (labels(), {"split": "fold", "test_after": "3"}, "--split and --test-after both say who tests"),
    "tables and a date": (
        labels(), {"test_labels": labels(), "test_after": "3"}, "--test-after and --test-labels both say who tests"
    ),
    "validation alone": (labels(), {"val_labels": labels()}, "--val-labels without --test-labels leaves nobody"),
    "shared users": (
        labels(), {"test_labels": labels()[~SOME]}, "test labels: 15 users are in the labels too, such as user '45'"
    ),
    "shared by the others": (
        labels()[SOME], {"val_labels": labels()[~SOME], "test_labels": labels()[~SOME]},
        "test labels: 15 users are in the validation labels too, such as user '45'",
    ),
    "test users without events": (
        labels(), {"test_labels": labels().assign(user=labels()["user"] + 1000)}, "60 users are without an event"
    ),
    "test labels without target": (
        labels()[SOME], {"test_labels": labels()[~SOME].drop(columns="y")}, "test labels has no column 'y'"
    ),
    "empty test labels": (labels()[SOME], {"test_labels": labels()[:0]}, "test labels: the table is empty"),
    "split is the target": (labels(), {"split": "y"}, "column 'y' is named by --target and --split"),
    "split is the group": (labels(), {"split": "fold", "groups": "fold"}, "'fold' is named by --split and --groups"),
    "group is the id": (labels(), {"groups": "user"}, "column 'user' is named by --id and --groups"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_splits_are_named(tmp_path, case):
    table, options, message = BAD[case]
    table = table.assign(one="x", two=["a", "b"] * (len(table) // 2) + ["a"] * (len(table) % 2))
    with pytest.raises(UserError) as caught:
        cached(make_events(), table, tmp_path / "c", **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "c").exists()


def test_a_date_that_may_be_two_is_refused(tmp_path):
    events = make_events()
    events = events.assign(when=pd.Timestamp("2024-02-28") + pd.to_timedelta(events["when"], unit="h"))
    for date, message in (("03/04/2024", "may be one of two dates: write it as 2024-01-31"), ("soon", "is no date")):
        with pytest.raises(UserError, match=message):
            cached(events, labels(), tmp_path / "c", test_after=date)


def test_where_all_users_end_at_once_no_date_can_split_them(tmp_path):
    events = make_events()
    ends = events.drop_duplicates("user").assign(when=500)
    with pytest.raises(UserError, match="event of every user is at 500, name test users by --split or --test-labels"):
        cached(pd.concat([events, ends]), labels(), tmp_path / "c", test_after="300")
