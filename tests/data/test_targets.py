"""What is predicted of an example: classes, a number, tags; each in files, in splits and in answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.model_selection import train_test_split

from nni_nasplus import UserError
from nni_nasplus.data.link import means_of, outputs_of
from nni_nasplus.data.targets import Classes, Number, Tags, target_of

TARGETS = [
    Classes("spent", (1, 2, 30)),
    Classes("loyal", ("no", "yes")),
    Number("income", 3.5, 0.25),
    Tags(("sports", "music"), ((0, 1), ("no", "yes"))),
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_the_same_from_its_file(target):
    assert target_of(target.to_json()) == target


def test_a_number_in_standard_units_is_said_in_its_own():
    values = np.random.default_rng(0).normal(2000, 3, 500)
    target, labels = Number.read("year", values)
    target = target.fitted(labels)
    encoded = target.encoded(labels)
    assert abs(encoded.mean()) < 1e-5 and abs(encoded.std() - 1) < 1e-5
    np.testing.assert_allclose(target.answers(encoded)["year"], values, rtol=1e-9, atol=1e-5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=300, unique=True))
def test_every_stratum_of_numbers_can_be_split(values):
    target, labels = Number.read("x", np.array(values))
    group, names = target.strata(labels)
    assert group.max() < len(names)
    counts = np.bincount(group)
    assert (counts > 0).all()
    if len(values) >= 40:
        train_test_split(group, train_size=0.7, stratify=group, random_state=0)


@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(50, 400))
def test_every_stratum_of_tags_can_be_split_and_splits_alike(seed, columns, rows):
    rng = np.random.default_rng(seed)
    labels = (rng.random((rows, columns)) < rng.random(columns)).astype(np.float32)
    group, names = Tags(tuple("abcdef"[:columns]), ((0, 1),) * columns).strata(labels)
    assert group.max() + 1 == len(names)
    train_test_split(group, train_size=0.7, stratify=group, random_state=0)


def test_a_rare_tag_is_in_every_split():
    labels = np.zeros((200, 2), dtype=np.float32)
    labels[:, 0] = 1
    labels[:20, 1] = 1
    group, names = Tags(("common", "rare"), ((0, 1), (0, 1))).strata(labels)
    assert names == ["rare", "common"]
    assert (group == 0).sum() == 20


def test_tags_that_a_split_lacks_are_named():
    target = Tags(("sports", "music"), ((0, 1), ("no", "yes")))
    assert target.lacking(np.array([[0, 1], [1, 0]], dtype=np.float32)) == ""
    assert target.lacking(np.array([[0, 1], [1, 1]], dtype=np.float32)) == "users whose 'music' is 'no'"


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda: Classes.read("x", np.array([1, 1])), "every user has the target 1: two classes are needed"),
        (lambda: Classes.read("x", np.arange(100) * 3), "100 different numbers in 100 users, too many for classes"),
        (lambda: Number.read("x", np.ones(5)), "every user has the target 1: there is nothing to predict"),
        (lambda: Number.read("x", np.array([1.0, np.inf])), "'x' holds numbers beyond 1e\\+38, or infinite ones"),
        (lambda: Tags.read(["x", "y"], [np.array([0, 1]), np.array([0, 2, 3])]), "'y' has 3 values, and each"),
        (lambda: Tags.read(["x", "y"], [np.array([0, 0]), np.array([0, 1])]), "'x' has 1 value, and each"),
    ],
)
def test_what_cannot_be_predicted_is_named(read, words):
    with pytest.raises(UserError, match=words):
        read()


@pytest.mark.parametrize(("link", "mean"), [("softmax", lambda x: softmax(x, -1)), ("sigmoid", expit)])
def test_a_link_leads_to_probabilities_and_back(link, mean):
    outputs = np.random.default_rng(0).normal(0, 3, (50, 4))
    means = means_of(outputs, link)
    np.testing.assert_allclose(means, mean(outputs))
    np.testing.assert_allclose(means_of(outputs_of(means, link), link), means, atol=1e-6)


def test_the_identity_is_its_own_mean():
    outputs = np.array([[-3.0], [2.5]])
    assert (means_of(outputs_of(means_of(outputs, "identity"), "identity"), "identity") == outputs).all()


@pytest.mark.parametrize("link", ["softmax", "sigmoid"])
def test_certain_probabilities_have_finite_outputs(link):
    assert np.isfinite(outputs_of(np.array([[0.0, 1.0]]), link)).all()
