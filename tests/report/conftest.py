"""Runs that reports are about: of events with their whole tail, and of images and texts; each as small as it gets."""

from __future__ import annotations

import numpy as np
import pytest
from finished_runs import searched
from image_archives import cached as cached_images
from quick_tails import QUICK, few_draws
from texts import cached as cached_text
from texts import lines

from nni_nasplus.cli.report import report
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import described
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.spaces.recurrent import RecurrentCellSpace
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.images import ImageClassification
from nni_nasplus.training.language import LanguageModelling
from nni_nasplus.training.trial_folder import outcome_in

__all__ = ["few_draws"]


def trained(folder, evaluator: Evaluator, space: type[NetworkSpace], sizes, initial=()) -> Run:
    """A run of two trials, without its tail; ``initial`` are genotypes."""
    settings = Settings(
        strategy="random",
        trials=2,
        initial=[space(**sizes).parse_genotype(genotype) for genotype in initial],
        host="process",
        space=described(space, sizes),
        evaluator=described(type(evaluator), evaluator.init_args),
        objective=evaluator.objective,
        direction=evaluator.direction,
        **QUICK,
    )
    run = Run.create(folder, settings)
    search = run.open_search()
    for _ in range(2):
        trial = search.ask()
        run.evaluator.evaluate(run.space, trial.architecture, run.trial_directory(trial))
        search.tell(trial, outcome_in(run.trial_directory(trial)))
    search.journal.close()
    return run


@pytest.fixture(scope="package")
def events(tmp_path_factory, few_draws) -> Run:
    """Three trials of shopping and their tail, with a report."""
    run = searched(tmp_path_factory.mktemp("report") / "shopping", **QUICK)
    report(run)
    return run


@pytest.fixture(scope="package")
def images(tmp_path_factory) -> Run:
    """Two trials of random images."""
    folder = tmp_path_factory.mktemp("images")
    classes = np.array(["cat", "<b>dog</b>", "$x$"])
    cache = cached_images(folder, out="run/data", y_train=classes[np.arange(60) % 3])
    evaluator = ImageClassification(str(cache), epochs=2, batch_size=32, crop=1)
    sizes = {**evaluator.data().shape.to_json(), "channels": 2, "cells": 1}
    return trained(folder / "run", evaluator, NasBench201Space, sizes)


@pytest.fixture(scope="package")
def text(tmp_path_factory, few_draws) -> Run:
    """Two trials of random words and their tail, with a report."""
    folder = tmp_path_factory.mktemp("text")
    cache = cached_text(folder, lines(200), out="run/data")
    evaluator = LanguageModelling(str(cache), epochs=1, batch_size=4, bptt=8)
    sizes = {"vocabulary": len(evaluator.preprocessing()), "embedding": 4, "hidden": 4, "layers": 1}
    run = trained(folder / "run", evaluator, RecurrentCellSpace, sizes, ["lstm", "gru"])
    report(run)
    return run
