"""Numbers and several labels at once as estimators."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from shopping import shopping
from sklearn.base import clone
from sklearn.metrics import r2_score

from nni_nasplus import EventClassifier, EventRegressor, UserError

QUICK = {
    "id": "user",
    "time": "day",
    "strategy": "random",
    "trials": 1,
    "epochs": 1,
    "network": {"hidden": 8},
    "search": {"tail_minutes": 0.001},
    "verbose": False,
}
EVENTS, LABELS = shopping(200)
SPENT = (50 + EVENTS.groupby("user")["amount"].sum()).rename("spent")
BOTH = pd.DataFrame(
    {
        "often": (EVENTS.groupby("user").size() > 6).map({True: "often", False: "seldom"}),
        "rich": (SPENT > 54).astype(int),
    }
)


@pytest.fixture(scope="module")
def regressor():
    return EventRegressor(**QUICK).fit(EVENTS, SPENT)


@pytest.fixture(scope="module")
def classifier():
    return EventClassifier(target=["often", "rich"], **QUICK).fit(EVENTS, BOTH)


def test_numbers_are_predicted_in_their_own_units(regressor):
    said = regressor.predict(EVENTS)
    assert said.name == "spent"
    assert list(said.index) == list(range(200))
    assert 45 < said.mean() < 65
    assert r2_score(SPENT, said.sort_index()) > 0.3


def test_the_score_of_numbers_is_r2_whatever_their_order(regressor):
    expected = r2_score(SPENT, regressor.predict(EVENTS).sort_index())
    assert regressor.score(EVENTS, SPENT.sample(frac=1, random_state=0)) == pytest.approx(expected)


def test_several_labels_have_a_probability_each(classifier):
    said = classifier.predict_proba(EVENTS)
    assert list(said.columns) == list(classifier.classes_) == ["often", "rich"]
    assert ((said >= 0) & (said <= 1)).all(axis=None)


def test_several_labels_are_predicted_as_they_were_given(classifier):
    said = classifier.predict(EVENTS)
    likely = classifier.predict_proba(EVENTS) > 0.5
    # of "often" and "seldom" the later one by the alphabet is the label
    assert list(said["often"]) == list(np.where(likely["often"], "seldom", "often"))
    assert list(said["rich"]) == list(likely["rich"].astype(int))


def test_the_score_of_several_labels_wants_all_of_them_right(classifier):
    said = classifier.predict(EVENTS).loc[BOTH.index]
    assert classifier.score(EVENTS, BOTH) == pytest.approx((said == BOTH).all(axis=1).mean())


def test_what_is_not_fitted_is_cloned_with_its_parameters():
    one = EventRegressor(objective="mae", training={"error": "absolute"}, trials=3)
    assert clone(one).get_params() == one.get_params()


@pytest.mark.parametrize(
    ("estimator", "labels", "message"),
    [
        (EventRegressor(**QUICK), LABELS, "which is no number"),
        (EventRegressor(**QUICK, objective="accuracy"), SPENT, "objective accuracy measures classes"),
        (EventRegressor(**QUICK, target=["often", "rich"]), BOTH, "names 2 columns, and one number is predicted"),
        (EventClassifier(**QUICK), SPENT, "200 different numbers in 200 users, too many for classes"),
        (EventClassifier(**QUICK, objective="rmse"), LABELS, "objective rmse measures numbers"),
        (EventClassifier(**QUICK, target=["often", "rich"], objective="kappa"), BOTH, "kappa does not measure several"),
        (EventClassifier(**QUICK, target=["often", "rich"]), SPENT, "labels are a Series, and target names 2 columns"),
    ],
)
def test_labels_of_another_kind_than_asked_for_are_named(estimator, labels, message):
    with pytest.raises(UserError, match=message):
        estimator.fit(EVENTS, labels)
