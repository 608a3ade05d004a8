"""Finished searches, as short as they get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import texts
from shopping import COLUMNS, shopping
from sklearn.datasets import load_digits

from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.data.images import prepare_images
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import described
from nni_nasplus.run.presearch import presearch
from nni_nasplus.run.run import CACHE, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.images import ImageClassification
from nni_nasplus.training.language import LanguageModelling
from nni_nasplus.training.trial_folder import outcome_in

__all__ = ["digits", "four_digits", "searched", "searched_digits", "searched_text"]


def searched(directory: Path, **settings) -> Run:
    """Three architectures of shopping events, eight units, an epoch each, trained in this process; no tail yet."""
    cache = prepare(*shopping(), **COLUMNS, out=directory / CACHE, progress=False)
    sizes = {
        **EventDataModule(cache).shape.to_json(),
        **EventSequenceSpace.recommended(),
        "fixed": {"hidden": 32, "width": 0},
    }
    evaluator = EventClassification(str(cache), epochs=1, batch_size=32)
    return _finished(directory, EventSequenceSpace, sizes, evaluator, **{"trials": 3, **settings})


def digits(path: Path) -> Path:
    """An archive of 213 of scikit-learn's handwritten digits 0 to 3, 8×8 pixels."""
    images, label = four_digits()
    np.savez(path, x_train=images, y_train=label)
    return path


def four_digits() -> tuple[np.ndarray, np.ndarray]:
    """The images [213, 8, 8] of :func:`digits`, and what they show [213]."""
    found = load_digits()
    kept = np.flatnonzero(found.target < 4)[:213]
    return (found.images[kept] * 15).astype(np.uint8), found.target[kept]


def searched_digits(directory: Path, **settings) -> Run:
    """Two cells of NAS-Bench-201 on digits, an epoch each, likewise."""
    source = digits(directory.with_suffix(".npz"))
    cache = prepare_images(source, out=directory / CACHE, progress=False)
    evaluator = ImageClassification(str(cache), epochs=1, batch_size=32, learning_rate=0.04, crop=0, flip=False)
    sizes = {**evaluator.data().shape.to_json(), "channels": 4, "cells": 1}
    return _finished(directory, NasBench201Space, sizes, evaluator, **{"trials": 2, **settings})


def searched_text(directory: Path, **settings) -> Run:
    """Two recurrent cells on random words, an epoch each, likewise."""
    cache = texts.cached(directory.parent, texts.lines(), out=f"{directory.name}/{CACHE}")
    evaluator = LanguageModelling(str(cache), epochs=1, batch_size=4, bptt=8, learning_rate=0.004)
    sizes = {"vocabulary": len(evaluator.preprocessing()), "hidden": 6}
    return _finished(directory, DartsRecurrentSpace, sizes, evaluator, **{"trials": 2, **settings})


def _finished(directory: Path, space: type[NetworkSpace], sizes: dict, evaluator: Evaluator, **settings) -> Run:
    options = Settings(
        **{"strategy": "random", "host": "process", "baseline_trials": 1, **settings},
        space=described(space, sizes),
        evaluator=described(type(evaluator), evaluator.init_args),
        objective=evaluator.objective,
        direction=evaluator.direction,
    )
    run = Run.create(directory, options)
    presearch(run)
    search = run.open_search()
    for _ in range(run.settings.trials):
        trial = search.ask()
        run.evaluator.evaluate(run.space, trial.architecture, run.trial_directory(trial))
        search.tell(trial, outcome_in(run.trial_directory(trial)))
    search.journal.close()
    return run
