"""Attributes of users and splits of one's own, from Python."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from event_classifiers import EVENTS, LABELS, classifier
from nasplus_command import refused

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.data.events.arrays import EventArrays
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import CACHE

USERS = LABELS.assign(
    age=np.arange(len(LABELS)) * 0.5,
    region=LABELS["user"] % 3,
    fold=["train"] * 90 + ["test"] * 30,
    house=LABELS["user"] // 2,
)


@pytest.fixture(scope="module")
def fitted():
    return classifier(trials=1, static=["age", "region"], split="fold").fit(EVENTS, USERS.drop(columns="house"))


def test_the_target_is_the_column_that_is_nothing_else(fitted):
    assert list(fitted.classes_) == ["no", "yes"]
    assert list(fitted.feature_names_in_) == ["user", "day", "shop", "amount"]


def test_what_is_answered_depends_on_the_attributes(fitted):
    one = fitted.predict_proba(EVENTS, USERS)
    pd.testing.assert_frame_equal(one, fitted.predict_proba(EVENTS, USERS.set_index("user")))
    assert not np.allclose(one, fitted.predict_proba(EVENTS, USERS.assign(age=USERS["age"][::-1].to_numpy())))


def test_a_score_takes_attributes_from_the_labels_of_some_users(fitted, tmp_path):
    some = USERS[:40]
    answers = fitted.predict(EVENTS, USERS).loc[some["user"]].to_numpy()
    share = (answers == some["loyal"]).mean()
    assert fitted.score(EVENTS, some) == fitted.score(EVENTS, some.iloc[:, :2], USERS) == share
    some.to_csv(tmp_path / "some.csv", index=False)
    assert fitted.score(EVENTS, tmp_path / "some.csv") == share


def test_a_saved_model_asks_for_the_attributes_too(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    np.testing.assert_array_equal(
        loaded.predict(EVENTS, attributes=USERS)[["p_no", "p_yes"]], fitted.predict_proba(EVENTS, USERS)
    )
    with pytest.raises(UserError, match="reads 'age', 'region' of each user too"):
        loaded.predict(EVENTS)


def test_the_command_reads_attributes_of_new_users(fitted, tmp_path, capsys):
    fitted.save(tmp_path / "model")
    EVENTS.to_csv(tmp_path / "events.csv", index=False)
    USERS.drop(columns="loyal").to_parquet(tmp_path / "users.parquet")
    predict = ["predict", str(tmp_path / "model"), "--events", str(tmp_path / "events.csv")]
    main([*predict, "--static", str(tmp_path / "users.parquet"), "--to", str(tmp_path / "answers.csv")])
    answers = pd.read_csv(tmp_path / "answers.csv").set_index("user")
    np.testing.assert_allclose(answers, fitted.predict_proba(EVENTS, USERS), atol=1e-6)
    assert "name the table that has them with --static" in refused(capsys, *predict)
    assert "no file nowhere.csv" in refused(capsys, *predict, "--static", "nowhere.csv")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (None, "the network reads 'age', 'region' of each user too: give a table of the users as attributes"),
        (USERS.drop(columns="age"), "attributes has no column 'age'"),
        (USERS[:100], "attributes: 20 users with events are missing, such as user '100'"),
        (USERS["age"], "attributes are a Series: give a DataFrame of one row a user"),
    ],
)
def test_attributes_that_are_missing_are_named(fitted, attributes, message):
    with pytest.raises(UserError, match=message):
        fitted.predict(EVENTS, attributes)


def test_the_date_may_be_a_number_of_any_type(tmp_path):
    classifier(trials=1, test_after=np.float64(900), out=tmp_path / "run").fit(EVENTS, LABELS)
    arrays = EventArrays.open(tmp_path / "run" / CACHE)
    late = EVENTS.groupby("user")["day"].max() >= 900
    assert set(arrays.ids[arrays.split == 2]) == set(late.index[late])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"test_after": 5000}, "test_after 5000 lies after the last event of all users"),
        ({"split": "fold", "test_after": 5}, "split and test_after both say who tests"),
        ({"split": "nope"}, "labels has no column 'nope'"),
        ({"static": "nope"}, "labels has no column 'nope'"),
        ({"static": ["fold"], "split": "fold"}, "'fold' is named by static and split"),
    ],
)
def test_parameters_that_cannot_be_are_named(parameters, message):
    with pytest.raises(UserError, match=message):
        classifier(target="loyal", **parameters).fit(EVENTS, USERS)
