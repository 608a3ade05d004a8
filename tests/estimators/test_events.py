"""What a fitted classifier of events answers, and what it is made of."""

from __future__ import annotations

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from event_classifiers import EVENTS, LABELS, LOYAL, classifier
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError

from nni_nasplus import UserError
from nni_nasplus.run.model import Model


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(EVENTS, LOYAL)


def test_probabilities_have_a_row_a_user_and_a_column_a_class(fitted):
    probabilities = fitted.predict_proba(EVENTS)
    assert list(probabilities.columns) == list(fitted.classes_) == ["no", "yes"]
    assert list(probabilities.index) == list(EVENTS["user"].unique())
    assert (probabilities.index.name, probabilities.columns.name) == ("user", "loyal")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_the_most_probable_class_is_predicted_and_scored(fitted):
    predicted = fitted.predict(EVENTS)
    pd.testing.assert_series_equal(
        predicted, fitted.predict_proba(EVENTS).idxmax(axis=1).rename("loyal"), check_dtype=False
    )
    assert fitted.score(EVENTS, LOYAL) == (predicted == LOYAL.loc[predicted.index]).mean()


@pytest.mark.parametrize(
    "labels",
    [LOYAL.rename(None), LABELS, LABELS.assign(age=30), LABELS.set_index("user"), LOYAL.astype("category")],
)
def test_whatever_shape_the_labels_have_the_score_is_one(fitted, labels):
    assert fitted.score(EVENTS, labels) == fitted.score(EVENTS, LOYAL)


def test_a_score_is_of_the_users_with_a_label(fitted):
    some = LOYAL.iloc[:7]
    assert fitted.score(EVENTS, some) == (fitted.predict(EVENTS).loc[some.index] == some).mean()
    with pytest.raises(UserError, match=r"113 users are without an event, .* or leave them out by drop_unmatched=True"):
        fitted.score(EVENTS[EVENTS["user"] < 7], LOYAL)


TEXT = EVENTS["user"].map("{:03d}".format)


@pytest.mark.parametrize(
    "events",
    [
        EVENTS.sort_values("user", ascending=False, kind="stable"),
        EVENTS.assign(user=TEXT),
        EVENTS.assign(user=EVENTS["user"].astype(float)),
        EVENTS.assign(user=TEXT.astype("category")),
        EVENTS.set_index("user"),
        EVENTS.assign(shop=EVENTS["shop"].astype("category")),
        EVENTS.convert_dtypes(dtype_backend="pyarrow"),
        EVENTS.assign(user=EVENTS["user"] + 1000),
        EVENTS.assign(colour="red"),
    ],
)
def test_events_may_be_spelled_otherwise_and_ids_come_back_as_they_are(fitted, events):
    ids = pd.Index(events.get("user", events.index))
    found = fitted.predict_proba(events)
    assert list(found.index) == list(ids.unique())
    before = fitted.predict_proba(EVENTS)
    order = np.argsort([int(one) % 1000 for one in found.index])
    np.testing.assert_allclose(found.to_numpy()[order], before.to_numpy()[np.argsort(before.index)], atol=1e-5)


def test_one_user_is_answered_as_among_others(fitted):
    alone = fitted.predict_proba(EVENTS[EVENTS["user"] == 3])
    pd.testing.assert_frame_equal(alone, fitted.predict_proba(EVENTS).loc[[3]], atol=1e-5)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (EVENTS.iloc[:0], "events: the table is empty"),
        (EVENTS.drop(columns="amount"), "events has no column 'amount'"),
        (EVENTS.to_dict("list"), "events are a dict: give a DataFrame"),
        ("nowhere.csv", "no file nowhere.csv"),
    ],
)
def test_events_that_cannot_be_answered_are_refused(fitted, events, message):
    with pytest.raises(UserError, match=message):
        fitted.predict(events)


def test_files_are_read_as_frames_are(fitted, tmp_path):
    EVENTS.to_csv(tmp_path / "events.csv", index=False)
    LABELS.to_csv(tmp_path / "labels.csv", index=False)
    pd.testing.assert_series_equal(fitted.predict(tmp_path / "events.csv"), fitted.predict(EVENTS))
    assert fitted.score(tmp_path / "events.csv", tmp_path / "labels.csv") == fitted.score(EVENTS, LOYAL)


def joblibbed(fitted, path):
    joblib.dump(fitted, path)
    return joblib.load(path)


def pickled(fitted, path):
    path.write_bytes(pickle.dumps(fitted))
    return pickle.loads(path.read_bytes())  # noqa: S301 - it was written in the line above


@pytest.mark.parametrize("way", [pickled, joblibbed, lambda fitted, _: copy.deepcopy(fitted)])
def test_it_is_kept_with_all_that_it_knows(fitted, tmp_path, way):
    again = way(fitted, tmp_path / "classifier")
    pd.testing.assert_frame_equal(again.predict_proba(EVENTS), fitted.predict_proba(EVENTS), check_exact=True)
    pd.testing.assert_frame_equal(again.history_, fitted.history_)
    assert again.get_params() == fitted.get_params()


def test_what_was_found_is_saved_as_the_command_exports_it(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    answers = Model.load(tmp_path / "model").predict(EVENTS)
    np.testing.assert_array_equal(answers[["p_no", "p_yes"]], fitted.predict_proba(EVENTS))
    with pytest.raises(UserError, match="model exists and is not empty; name a new folder"):
        fitted.save(tmp_path / "model")


def test_the_trials_are_a_table(fitted):
    table = fitted.history_
    assert list(table.index) == [0, 1]
    assert list(table["status"]) == ["done", "done"]
    assert fitted.best_genotype_ == table["architecture"][table["score"].idxmax()]
    assert fitted.run_ is None


def test_the_columns_of_the_events_are_named(fitted):
    assert list(fitted.feature_names_in_) == ["user", "day", "shop", "amount"]
    assert fitted.n_features_in_ == 4


def test_parameters_stay_as_they_were_and_to_predict_changes_nothing(fitted):
    before = vars(fitted).copy()
    fitted.predict(EVENTS)
    fitted.score(EVENTS, LOYAL)
    assert all(vars(fitted)[name] is value for name, value in before.items())
    assert fitted.get_params() == classifier().get_params()
    assert {name for name in before if name[0] != "_" and name[-1] != "_"} == set(fitted.get_params())


def test_a_clone_has_the_parameters_and_nothing_else(fitted):
    other = clone(fitted).set_params(trials=5)
    assert other.get_params() == {**fitted.get_params(), "trials": 5}
    assert is_classifier(other)
    for method in (other.predict, other.predict_proba):
        with pytest.raises(NotFittedError):
            method(EVENTS)
    with pytest.raises(NotFittedError):
        other.save("model")


@pytest.mark.parametrize("labels", [LOYAL == "yes", (LOYAL == "yes") * 1.0, (LOYAL == "yes") * 7 - 3])
def test_classes_are_the_labels_as_they_were_given(labels):
    fitted = classifier(trials=1).fit(EVENTS, labels)
    assert fitted.classes_.dtype == labels.dtype
    assert list(fitted.classes_) == sorted(labels.unique())
    assert fitted.score(EVENTS, labels) == (fitted.predict(EVENTS) == labels.loc[EVENTS["user"].unique()]).mean()


def test_numbers_and_texts_among_the_labels_are_classes_side_by_side():
    labels = pd.Series([(2, "none", 10)[user % 3] for user in LOYAL.index], index=LOYAL.index)
    fitted = classifier(trials=1).fit(EVENTS, labels)
    assert list(fitted.classes_) == [2, 10, "none"]
    assert set(fitted.predict(EVENTS)) <= {2, 10, "none"}


def test_classes_are_in_order_of_their_values_and_not_of_their_spellings():
    labels = pd.Series([(1.5, 10.5, 9.5)[user % 3] for user in LOYAL.index], index=LOYAL.index)
    fitted = classifier(trials=1).fit(EVENTS, labels)
    assert list(fitted.classes_) == list(fitted.predict_proba(EVENTS).columns) == [1.5, 9.5, 10.5]
    assert fitted.score(EVENTS, labels) == (fitted.predict(EVENTS) == labels.loc[EVENTS["user"].unique()]).mean()
