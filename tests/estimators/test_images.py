"""``ImageClassifier``: what it takes, what it answers, and that it goes on."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from finished_runs import digits, four_digits
from PIL import Image
from quick_tails import QUICK
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score

from nni_nasplus import ImageClassifier, UserError
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run

IMAGES, LABELS = four_digits()


def classifier(**parameters):
    """Two random cells of two channels, an epoch each, and a quick tail; without a word."""
    quick = {"space": "nb201", "size": 8, "strategy": "random", "trials": 2, "epochs": 1, "verbose": False}
    network = {"channels": 2, **parameters.pop("network", {})}
    training = {"flip": False, "crop": 0, "batch_size": 32, **parameters.pop("training", {})}
    search = {**QUICK, **parameters.pop("search", {})}
    return ImageClassifier(**{**quick, **parameters}, network=network, training=training, search=search)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("images") / "run"


@pytest.fixture(scope="module")
def fitted(out):
    return classifier(out=out).fit(IMAGES, LABELS)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder of pictures by class, of which each path tells its place among the images."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        path = folder / f"digit {label}" / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


def test_it_answers_as_classifiers_of_scikit_learn_do(fitted):
    shares = fitted.predict_proba(IMAGES)
    assert shares.shape == (len(IMAGES), 4)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    assert fitted.classes_.tolist() == [0, 1, 2, 3]
    assert fitted.classes_.dtype == LABELS.dtype
    answers = fitted.predict(IMAGES)
    np.testing.assert_array_equal(answers, fitted.classes_[shares.argmax(1)])
    assert fitted.score(IMAGES, LABELS) == (answers == LABELS).mean()
    assert is_classifier(fitted)


def test_it_learns_digits(fitted):
    assert fitted.score(IMAGES, LABELS) > 0.8, "trees on the pixels may be members"


def test_the_answers_are_those_of_the_model_that_was_kept(fitted, out, tmp_path):
    fitted.save(tmp_path / "model")
    np.savez(tmp_path / "new.npz", x=IMAGES[:9])
    table = Model.load(tmp_path / "model").predict(tmp_path / "new.npz")
    np.testing.assert_allclose(table.iloc[:, 1:], fitted.predict_proba(IMAGES[:9]), atol=1e-6)
    np.testing.assert_array_equal(fitted.predict_proba(tmp_path / "new.npz"), fitted.predict_proba(IMAGES[:9]))
    assert fitted.run_ == out


def test_a_further_fit_takes_a_complete_search_as_it_is_and_more_trials_go_on(fitted, out):
    before = (out / "journal.jsonl").read_bytes()
    again = classifier(out=out).fit(IMAGES, LABELS)
    assert (out / "journal.jsonl").read_bytes() == before
    np.testing.assert_array_equal(again.predict_proba(IMAGES[:5]), fitted.predict_proba(IMAGES[:5]))


@pytest.mark.parametrize(
    ("parameters", "images", "labels", "message"),
    [
        ({}, IMAGES[::-1], LABELS, "run holds a search with other images; name another directory with out"),
        ({}, IMAGES, LABELS[::-1], "run holds a search with other images"),
        ({"size": 9}, IMAGES, LABELS, "other size"),
        ({"epochs": 2}, IMAGES, LABELS, "other epochs"),
        ({"tune": False}, IMAGES, LABELS, "other .*hyperparameters"),
    ],
)
def test_a_directory_of_another_search_is_left_alone(fitted, out, parameters, images, labels, message):
    with pytest.raises(UserError, match=message):
        classifier(out=out, **parameters).fit(images, labels)


def test_a_search_goes_on_with_more_trials(tmp_path):
    classifier(out=tmp_path / "run", trials=1).fit(IMAGES, LABELS)
    longer = classifier(out=tmp_path / "run", trials=2).fit(IMAGES, LABELS)
    assert len(longer.history_) == len(Run.open(tmp_path / "run").history().finished) == 2


def test_pictures_by_path_are_as_good_as_their_pixels(fitted, pictures):
    paths = sorted(pictures.glob("*/*.png"), key=lambda path: path.name)
    np.testing.assert_array_equal(fitted.predict_proba(paths), fitted.predict_proba(IMAGES))
    assert fitted.score([str(path) for path in paths], LABELS) == fitted.score(IMAGES, LABELS)
    column = pd.Series([str(path) for path in paths])
    by_path = classifier(trials=1).fit(column, pd.Series(LABELS).map(str))
    assert by_path.classes_.tolist() == ["0", "1", "2", "3"]
    np.testing.assert_array_equal(
        by_path.predict_proba(paths), classifier(trials=1).fit(IMAGES, LABELS).predict_proba(IMAGES)
    )


def test_a_folder_says_the_classes_itself(pictures):
    found = classifier(trials=1).fit(pictures)
    assert found.classes_.tolist() == [f"digit {label}" for label in range(4)]
    everything = sorted(pictures.glob("*/*.png"))
    names = [path.parent.name for path in everything]
    assert found.score(pictures) == found.score(everything, names) == (found.predict(pictures) == names).mean()
    with pytest.raises(UserError, match="says the classes of its images; leave y out"):
        found.fit(pictures, names)


def test_an_archive_says_them_too(tmp_path):
    source = digits(tmp_path / "digits.npz")
    found = classifier(trials=1).fit(str(source))
    assert found.score(source) == found.score(IMAGES, LABELS)


@pytest.mark.parametrize("labels", [LABELS == 1, LABELS * 1.0, LABELS.astype(np.uint8), LABELS.astype(str).astype("O")])
def test_classes_are_the_labels_as_they_were_given(labels):
    found = classifier(trials=1, search={"max_failures": 1}).fit(IMAGES, labels)
    assert found.classes_.tolist() == sorted(set(labels.tolist()))
    assert found.score(IMAGES, labels) == (found.predict(IMAGES) == labels).mean()


def test_colours_are_read(tmp_path):
    colours = np.stack([IMAGES, 255 - IMAGES, IMAGES // 2], -1)
    found = classifier(trials=1).fit(colours, LABELS)
    assert found.predict(colours[:3]).shape == (3,)
    with pytest.raises(UserError, match="the images are 8×8×1, those of training 8×8×3"):
        found.predict(IMAGES)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES, None, "the images have no labels"),
        (IMAGES, LABELS[:-1], r"the labels have the shape \(212,\): give one to each of the 213 images"),
        (IMAGES, LABELS + 0.5, "the labels hold float64: use whole numbers or texts"),
        (IMAGES, np.where(LABELS > 2, np.nan, LABELS), "the labels hold float64"),
        (IMAGES, np.where(LABELS > 2, None, LABELS), "the labels hold object"),
        (IMAGES, LABELS * 0, "all images are of class 0"),
        (IMAGES.reshape(213, 64), LABELS, r"X has the shape \(213, 64\): use \(images, height, width\)"),
        (IMAGES[:0], LABELS[:0], "there are no images"),
        (3, LABELS, "there are no images in X, of type int"),
        (["nowhere.png", "no.png"], [0, 1], "2 of 2 pictures are not there: nowhere.png"),
        ("nowhere.npz", None, "no nowhere.npz: name an .npz archive"),
        (np.zeros_like(IMAGES), LABELS, "the training images of X are all the same"),
    ],
)
def test_images_that_cannot_be_learnt_are_refused(images, labels, message):
    with pytest.raises(UserError, match=message):
        classifier().fit(images, labels)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"space": "events"}, "space 'events' is not for images"),
        ({"space": "magic"}, "unknown space 'magic'"),
        ({"scale": "large"}, "unknown scale 'large'; use published or small"),
        ({"objective": "auc"}, "unknown objective 'auc'"),
        ({"epochs": "2"}, "epochs"),
        ({"size": 0}, "size is 0; use 1 or more"),
        ({"trials": 0}, "^trials is 0; use 1 or more"),
        ({"training": {"lr": 1}}, "training has no option 'lr'"),
        ({"training": {"learning_rate": -1.0}}, "learning_rate is -1.0; use 0 or more"),
        ({"network": {"classes": 2}}, "network has no option 'classes'"),
        ({"network": {"layers": 2}}, "network has no option 'layers'; choose from channels"),
    ],
)
def test_a_parameter_that_cannot_work_is_named(parameters, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        classifier(out=tmp_path / "run", **parameters).fit(IMAGES, LABELS)
    assert "--" not in str(caught.value)
    assert not (tmp_path / "run" / "run.json").exists()


def test_training_is_searched_at_the_small_scale_unless_it_is_held(tmp_path):
    for tune, count in ((None, 3), (False, 1)):
        place = tmp_path / str(tune)
        classifier(out=place, tune=tune, trials=1).fit(IMAGES, LABELS)
        assert len(Run.open(place).space.search_space.decisions.get("learning_rate", [0])) == count


def test_it_is_cloned_and_kept_with_all_that_it_knows(fitted):
    other = clone(fitted).set_params(trials=5)
    assert other.get_params() == {**fitted.get_params(), "trials": 5}
    with pytest.raises(NotFittedError):
        other.predict(IMAGES)
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - it was written here
    np.testing.assert_array_equal(again.predict_proba(IMAGES), fitted.predict_proba(IMAGES))


def test_scikit_learn_cuts_images_into_folds():
    scores = cross_val_score(classifier(trials=1), IMAGES, LABELS, cv=2)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()
