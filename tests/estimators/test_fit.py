"""What ``fit`` searches, goes on with and refuses."""

from __future__ import annotations

import io
import itertools
import os
import pickle
import random
import signal
import tempfile
from contextlib import redirect_stderr

import numpy as np
import pandas as pd
import pytest
import torch
from event_classifiers import EVENTS, LABELS, LOYAL, classifier

from nni_nasplus import UserError
from nni_nasplus.hosts.optuna import OptunaHost
from nni_nasplus.run.run import Run
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.reporter import ReportMetrics


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The directory of a search of two trials; no test changes it."""
    folder = tmp_path_factory.mktemp("fit") / "run"
    classifier(out=folder).fit(EVENTS, LOYAL)
    return folder


@pytest.fixture(scope="module")
def plain():
    """Fitted with one trial."""
    return classifier(trials=1).fit(EVENTS, LOYAL)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"id": "customer"}, "events has no column 'customer'"),
        ({"time": "hour"}, "events has no column 'hour'"),
        ({"numeric": "colour"}, "events has no column 'colour'"),
        ({"objective": "auc"}, "unknown objective 'auc'; choose one of roc_auc"),
        ({"strategy": "magic"}, "unknown strategy 'magic'; available: bohb, evolution"),
        ({"strategy_options": {"magic": 1}}, "magic"),
        ({"host": "kubernetes"}, "unknown host 'kubernetes'; available: nni, optuna, process"),
        ({"trials": 0}, "^trials is 0; use 1 or more"),
        ({"minutes": -1}, "^minutes is -1; use more than 0"),
        ({"epochs": 0}, "^epochs is 0; use more than 0"),
        ({"max_length": 0}, "^max_length is 0; use more than 0"),
        ({"max_length": "many"}, "^max_length is 'many'; use a whole number"),
        ({"folds": 1}, "^folds is 1; use 2 or more, 0 for none, or auto"),
        ({"folds": "some"}, "^folds is 'some': give another value"),
        ({"folds": 100}, "are too few for 100 folds: use fewer, or folds 0"),
        ({"epochs": "2"}, "epochs"),
        ({"trials": 1.5}, "trials"),
        ({"training": {"learning_rate": "high"}}, "learning_rate"),
        ({"training": "fast"}, "^training is 'fast'; give a mapping"),
        ({"random_state": -1}, "^random_state is -1; use 0 or more"),
        ({"training": {"batch_size": 0}}, "^batch_size is 0; use more than 0"),
        ({"training": {"lr": 0.1}}, "training has no option 'lr'; choose from .*learning_rate"),
        ({"training": {"epochs": 2}}, "training has no option 'epochs'"),
        ({"network": {"n_classes": 2}}, "network has no option 'n_classes'; choose from hidden"),
        ({"search": {"seed": 1}}, "search has no option 'seed'; choose from .*max_parameters"),
        ({"search": {"trial_seconds": 5.0}}, "^trial_seconds and trial_mib need host nni"),
        ({"search": {"learn_from": ["auto"]}}, "learn_from has no effect on strategy random"),
        ({"strategy": "evolution", "search": {"learn_from": ["nowhere"]}}, "learn_from: nowhere is not there"),
        ({"search": {"initial": "lstm"}}, "genotype 'lstm'"),
    ],
)
def test_a_parameter_that_cannot_work_is_named_as_it_is_called_in_python(parameters, message, tmp_path):
    with pytest.raises(UserError, match=message) as caught:
        classifier(out=tmp_path / "run", **parameters).fit(EVENTS, LOYAL)
    assert "--" not in str(caught.value)
    assert not (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (list(LOYAL), "labels are a list: give a Series indexed by user"),
        (LOYAL.iloc[:-3], "3 users are without a label, such as user '117': .* leave them out by drop_unmatched=True"),
        (LABELS.assign(user=LABELS["user"] + 1), "1 users are without a label, such as user '0'"),
        (pd.concat([LOYAL, LOYAL.iloc[:1]]), "user '0' occurs twice"),
        (LOYAL.where(LOYAL.index > 3), "column 'loyal' is missing in 4 rows"),
        (LOYAL.map(lambda _: "no"), "every user has the target 'no': two classes are needed"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(labels, message):
    with pytest.raises(UserError, match=message):
        classifier().fit(EVENTS, labels)


def test_users_without_label_or_events_are_left_out_if_that_is_asked_for():
    labels = pd.concat([LOYAL.iloc[:-3], pd.Series(["no"], index=[999], name="loyal")])
    fitted = classifier(trials=1, drop_unmatched=True).fit(EVENTS, labels)
    assert fitted.score(EVENTS, labels) == fitted.score(EVENTS, LOYAL.iloc[:-3])


def test_equal_parameters_find_equal_networks(plain):
    again, other = (classifier(trials=1, random_state=seed).fit(EVENTS, LOYAL) for seed in (0, 2))
    np.testing.assert_array_equal(plain.predict_proba(EVENTS), again.predict_proba(EVENTS))
    assert plain.best_genotype_ != other.best_genotype_


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(3), np.random.default_rng(3), np.int64(3)])
def test_a_seed_may_be_drawn(random_state):
    seeds = [classifier(random_state=random_state)._seed() for _ in range(2)]
    assert all(type(seed) is int and seed >= 0 for seed in seeds)
    assert (seeds[0] == seeds[1]) == isinstance(random_state, np.int64)


def test_a_further_fit_takes_a_complete_search_as_it_is(out):
    before = (out / "journal.jsonl").read_bytes()
    again = classifier(out=out).fit(EVENTS, LOYAL)
    assert (out / "journal.jsonl").read_bytes() == before
    assert again.run_ == out
    assert again.history_.equals(classifier(out=str(out)).fit(EVENTS, LOYAL).history_)


@pytest.mark.parametrize(
    ("parameters", "events", "labels", "message"),
    [
        ({"epochs": 2}, EVENTS, LOYAL, "holds a search with other epochs; name another directory with out"),
        ({"network": {"hidden": 16}}, EVENTS, LOYAL, "other hidden"),
        ({"network": {}}, EVENTS, LOYAL, "other hidden"),
        ({"training": {"learning_rate": 0.1}}, EVENTS, LOYAL, "other learning_rate"),
        ({"search": {"max_parameters": 1e6}}, EVENTS, LOYAL, "other max_parameters"),
        ({"strategy": "evolution"}, EVENTS, LOYAL, "other strategy"),
        ({"host": "nni"}, EVENTS, LOYAL, "other host"),
        ({"random_state": 7}, EVENTS, LOYAL, "run holds a search with other random_state; name another directory"),
        ({"max_length": 3}, EVENTS, LOYAL, "other max_length"),
        ({}, EVENTS.assign(amount=0), LOYAL, "run holds a search with other events; name another directory"),
        ({}, EVENTS, LOYAL.sample(frac=1, random_state=0).set_axis(LOYAL.index), "other labels"),
        ({"trials": 1}, EVENTS, LOYAL, "^trials is 1 and 2 have finished; use 2 or more"),
    ],
)
def test_a_directory_of_another_search_is_left_alone(out, parameters, events, labels, message):
    before = {path: path.read_bytes() for path in out.rglob("*.json*")}
    with pytest.raises(UserError, match=message):
        classifier(out=out, **parameters).fit(events, labels)
    assert {path: path.read_bytes() for path in out.rglob("*.json*")} == before


def test_a_directory_of_other_files_is_refused(tmp_path):
    (tmp_path / "letter.txt").touch()
    with pytest.raises(UserError, match="is not empty; name a new directory with out"):
        classifier(out=tmp_path).fit(EVENTS, LOYAL)


def interrupting(epoch, before=ReportMetrics.on_validation_end):
    """What a trial does after each epoch, with Ctrl-C after so many of all trials."""
    seen = itertools.count(1)

    def then(*arguments):
        before(*arguments)
        if next(seen) == epoch:
            os.kill(os.getpid(), signal.SIGINT)

    return then


def test_a_fit_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    patient = classifier(out=tmp_path / "run", trials=3, epochs=2)
    with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
        context.setattr(ReportMetrics, "on_validation_end", interrupting(epoch=3))
        patient.fit(EVENTS, LOYAL)
    assert [trial.status for trial in Run.open(tmp_path / "run").history().trials] == ["done", "pending"]
    assert not patient.__sklearn_is_fitted__()
    done = Run.open(tmp_path / "run").history().trials[0]
    table = patient.fit(EVENTS, LOYAL).history_
    assert list(table["status"]) == ["done"] * 3
    assert table["seconds"][0] == done.metrics["seconds"]


@pytest.mark.parametrize(("kept", "remedy"), [(True, "fit again to go on"), (False, "name a directory with out")])
def test_failures_in_a_row_end_a_fit_with_their_reason(tmp_path, monkeypatch, kept, remedy):
    monkeypatch.setattr(Evaluator, "_fit", lambda *_, **__: 1 / 0)
    failing = classifier(out=tmp_path / "run" if kept else None, trials=9)
    with pytest.raises(UserError, match=f"5 trials in a row failed: ZeroDivisionError: division by zero; {remedy}"):
        failing.fit(EVENTS, LOYAL)


def test_what_is_global_stays_as_it_was():
    def state():
        generators = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
        return generators, torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()

    before = state()
    pickle.loads(pickle.dumps(classifier(trials=1).fit(EVENTS, LOYAL)))  # noqa: S301 - it was written here
    assert state() == before


def test_numbers_of_numpy_are_numbers():
    grid = {"trials": np.int64(1), "epochs": np.int32(1), "max_length": np.int64(5)}
    fitted = classifier(**grid, training={"learning_rate": np.float32(0.01)}).fit(EVENTS, LOYAL)
    assert len(fitted.history_) == 1


@pytest.mark.parametrize("name", ["day", "user", 0])
def test_labels_may_be_called_like_anything(name):
    fitted = classifier(trials=1).fit(EVENTS, LOYAL.rename(name))
    assert fitted.score(EVENTS, LOYAL.rename(name)) == fitted.score(EVENTS, LOYAL)


def test_columns_may_be_named_by_numbers(plain):
    events = EVENTS.set_axis(range(4), axis=1)
    fitted = classifier(id=0, time=1, trials=1).fit(events, LOYAL)
    assert list(fitted.predict(events)) == list(plain.predict(EVENTS))


def test_nothing_is_left_of_a_search_without_a_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fitted = classifier(trials=1).fit(EVENTS, LOYAL)
    fitted.predict(EVENTS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verbose", [True, False])
def test_it_says_how_the_search_goes_if_it_is_to(verbose):
    with redirect_stderr(io.StringIO()) as said:
        classifier(trials=1, verbose=verbose).fit(EVENTS, LOYAL)
    assert ("in this process, one trial at a time" in said.getvalue()) == verbose
    assert bool(said.getvalue()) == verbose


def test_without_a_success_there_is_the_reason(monkeypatch):
    monkeypatch.setattr(Evaluator, "_fit", lambda *_, **__: 1 / 0)
    with pytest.raises(UserError, match="no trial succeeded: ZeroDivisionError: division by zero"):
        classifier(trials=2).fit(EVENTS, LOYAL)


def test_a_host_is_found_by_its_name(monkeypatch):
    asked = []
    monkeypatch.setattr(OptunaHost, "check", lambda _, settings: asked.append(settings.host))
    monkeypatch.setattr(OptunaHost, "search", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        classifier(host="optuna").fit(EVENTS, LOYAL)
    assert asked == ["optuna"]
