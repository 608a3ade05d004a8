"""Folds of the users who train and validate: who is held out when, and what cannot be divided."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shopping import COLUMNS, shopping

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.data.events.splits.folds import GROUPS, fold_of_users, recommended_folds
from nni_nasplus.data.targets import Classes, Number, Tags
from nni_nasplus.training.events import EventClassification

EVENTS, LABELS = shopping()
HOUSES = LABELS.assign(house=[f"h{i // 3}" for i in range(len(LABELS))])


def cached(out, labels=LABELS, **options):
    return prepare(EVENTS, labels, **COLUMNS, out=out, progress=False, **options)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return cached(tmp_path_factory.mktemp("folds") / "data")


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    return cached(tmp_path_factory.mktemp("grouped") / "data", HOUSES, groups="house")


def rows(cache, fold, split):
    return EventDataModule(cache, fold=fold).arrays.rows(split)


def users_of(label, split, groups=None):
    """Arrays of users without events: the folds look at nothing else."""
    count = len(label)
    empty = np.zeros((0, 1), np.float32)
    offsets = np.zeros(count + 1, np.int64)
    return EventArrays(
        categorical=empty.astype(np.int32),
        numeric=empty,
        time=empty[:, 0],
        gap=empty[:, 0],
        offsets=offsets,
        label=label,
        split=split,
        ids=np.arange(count),
    )


def test_every_user_of_training_and_validation_is_held_out_once_and_no_test_user_ever(cache):
    whole = EventDataModule(cache).arrays
    held = [rows(cache, (fold, 4), "val") for fold in range(4)]
    assert sorted(np.concatenate(held)) == sorted(whole.rows("train", "val"))
    for fold, users in enumerate(held):
        assert set(rows(cache, (fold, 4), "train")) == set(whole.rows("train", "val")) - set(users)
        np.testing.assert_array_equal(rows(cache, (fold, 4), "test"), whole.rows("test"))


def test_folds_have_equal_shares_of_classes(cache):
    arrays = EventDataModule(cache).arrays
    counts = [np.bincount(arrays.label[rows(cache, (fold, 5), "val")]) for fold in range(5)]
    assert np.ptp(counts, axis=0).max() <= 1


def test_what_a_fold_trains_on_and_is_scored_on_are_its_loaders(cache):
    data = EventDataModule(cache, fold=(1, 3))
    for loader, split in ((data.train_dataloader(), "train"), (data.val_dataloader(), "val")):
        seen = np.concatenate([batch.row.numpy() for batch in loader])
        assert sorted(seen) == list(rows(cache, (1, 3), split))


def test_an_evaluator_of_a_fold_trains_on_it_and_learns_from_no_teachers(cache):
    evaluator = EventClassification(str(cache), distillation={"n_teachers": 1})
    one = evaluator.held_out(2, 3)
    np.testing.assert_array_equal(one.data().arrays.rows("val"), rows(cache, (2, 3), "val"))
    np.testing.assert_array_equal(one.examples().ids, rows(cache, (2, 3), "train"))
    assert one.distillation is None
    assert evaluator.data().fold is None


def test_groups_stay_whole_in_folds(grouped):
    group = np.load(grouped / GROUPS)
    held = [set(group[rows(grouped, (fold, 5), "val")]) for fold in range(5)]
    assert len(set.union(*held)) == sum(map(len, held))


def test_a_cache_without_the_groups_that_it_was_prepared_by_is_not_divided(tmp_path):
    cache = cached(tmp_path / "data", HOUSES, groups="house")
    (cache / GROUPS).unlink()
    with pytest.raises(UserError, match="was prepared before groups were kept for folds: search anew, or use --folds"):
        EventDataModule(cache, fold=(0, 5))
    assert recommended_folds(cache) == 0


def test_with_a_split_by_time_folds_are_of_users_before_it(tmp_path):
    cache = cached(tmp_path / "data", test_after="960")
    last = EVENTS.groupby("user")["day"].max()
    ids = EventDataModule(cache).arrays.ids
    for fold in range(3):
        arrays = EventDataModule(cache, fold=(fold, 3)).arrays
        assert (last[ids[arrays.rows("train", "val")]] < 960).all()
    assert recommended_folds(cache) == 5


@pytest.mark.parametrize("named", ["split", "val_labels"])
def test_named_validation_users_are_mixed_with_others_only_on_request(named, tmp_path):
    places = np.resize(["train", "train", "val", "test"], len(LABELS))
    if named == "split":
        cache = cached(tmp_path / "data", LABELS.assign(part=places), split="part")
    else:
        tables = {place: LABELS[places == place] for place in ("train", "val", "test")}
        cache = cached(tmp_path / "data", tables["train"], val_labels=tables["val"], test_labels=tables["test"])
    assert recommended_folds(cache) == 0
    assert len(rows(cache, (0, 3), "val")) == pytest.approx(len(LABELS) * 3 / 4 / 3, abs=1)


def test_a_split_column_without_validation_users_leaves_them_to_folds(tmp_path):
    places = np.resize(["train", "train", "train", "test"], len(LABELS))
    assert recommended_folds(cached(tmp_path / "data", LABELS.assign(part=places), split="part")) == 5


def test_few_users_are_worth_folds_and_many_are_not(cache, tmp_path, monkeypatch):
    assert recommended_folds(cache) == 5
    monkeypatch.setattr("nni_nasplus.data.events.splits.folds._FEW", 100)
    assert recommended_folds(cache) == 0


def test_caches_of_before_are_divided_too(tmp_path):
    cache = cached(tmp_path / "data")
    meta = json.loads((cache / "meta.json").read_text())
    del meta["validation_named"]
    (cache / "meta.json").write_text(json.dumps(meta))
    assert recommended_folds(cache) == 5


def test_a_rare_class_is_not_divided_into_more_folds_than_it_has_users(tmp_path, monkeypatch):
    cache = cached(tmp_path / "data", LABELS.assign(loyal=np.where(LABELS["user"] < 14, "yes", "no")))
    message = "users, groups or users of a class that train and validate are too few for 13 folds: use fewer"
    with pytest.raises(UserError, match=message):
        EventClassification(str(cache)).held_out(0, 13)
    assert len(rows(cache, (0, 12), "val")) > 0
    monkeypatch.setattr("nni_nasplus.data.events.splits.folds._FOLDS", 13)
    assert recommended_folds(cache) == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(12, 60), st.integers(2, 6), st.integers(0, 9), st.sampled_from(["classes", "number", "tags"]))
def test_folds_divide_any_target_and_follow_the_seed(count, folds, seed, kind):
    rng = np.random.default_rng(count)
    label, target = {
        "classes": (np.arange(count) % 2, Classes("c", ("a", "b"))),
        "number": (rng.normal(size=(count, 1)).astype(np.float32), Number("n")),
        "tags": (rng.integers(0, 2, (count, 2)).astype(np.float32), Tags(("a", "b"), ((0, 1), (0, 1)))),
    }[kind]
    arrays = users_of(label, (np.arange(count) % 4 == 0).astype(np.int8) * 2)
    try:
        found = fold_of_users(arrays, target, folds, seed)
    except UserError:
        divided = label[arrays.split == 0]
        needed = {"classes": lambda: np.bincount(divided).min() < folds, "number": lambda: len(divided) < 2 * folds}
        assert kind == "tags" or needed[kind]()
        return
    assert set(found[arrays.split == 2]) == {-1}
    sizes = np.bincount(found[arrays.split == 0], minlength=folds)
    assert len(sizes) == folds
    assert np.ptp(sizes) <= 1 + (kind != "number")
    np.testing.assert_array_equal(found, fold_of_users(arrays, target, folds, seed))


def test_another_seed_draws_other_folds():
    arrays = users_of(np.arange(40) % 2, np.zeros(40, np.int8))
    first, second = (fold_of_users(arrays, Classes("c", ("a", "b")), 5, seed) for seed in (0, 1))
    assert (first != second).any()


def test_static_columns_and_targets_of_numbers_are_divided(tmp_path):
    spent = LABELS.assign(spent=np.linspace(0, 9, len(LABELS)), age=pd.Series(range(len(LABELS))) % 5)
    columns = {**COLUMNS, "target": "spent"}
    cache = prepare(EVENTS, spent, **columns, out=tmp_path / "d", predicted="number", static=["age"], progress=False)
    assert recommended_folds(cache) == 5
