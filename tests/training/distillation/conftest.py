"""A run whose trials are trained, to take teachers from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from school import SCORES, TRAINED, evaluator

from nni_nasplus import Journal, Outcome, Proposal
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.trial_folder import trial_directory


@pytest.fixture(scope="session")
def space(cache):
    return EventSequenceSpace(**EventDataModule(cache).shape.to_json())


@pytest.fixture(scope="session")
def school(cache, space, tmp_path_factory):
    """A run whose four trials are trained, with scores made up."""
    run = tmp_path_factory.mktemp("school")
    journal = Journal.create(run / "journal.jsonl", space.search_space)
    for genotype, score in zip(TRAINED, SCORES, strict=True):
        trial = journal.ask(Proposal(space.parse_genotype(genotype)))
        folder = trial_directory(run, space.search_space.key(trial.architecture))
        evaluator(cache).evaluate(space, trial.architecture, folder)
        journal.tell(trial.number, Outcome.of(score))
    journal.close()
    return run


@pytest.fixture
def run(school, tmp_path):
    return Path(shutil.copytree(school, tmp_path / "run"))
