"""Pages about numbers and about several labels at once, of what the best trial says of the validation users."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from shopping import COLUMNS, shopping

from nni_nasplus import Journal, Outcome, Proposal
from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.registry import described
from nni_nasplus.report.page import page
from nni_nasplus.run.run import CACHE, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification, EventRegression
from nni_nasplus.training.predictions import PREDICTIONS, Predictions


def said(folder, labels: pd.DataFrame, target, kind: type, **options) -> str:
    """The page of a run whose only trial is right but for some noise; nothing is trained."""
    asked = {**COLUMNS, "target": target, "predicted": "number" if kind is EventRegression else "classes"}
    cache = prepare(shopping()[0], labels, **asked, out=folder / "run" / CACHE, progress=False)
    evaluator, data = kind(str(cache), **options), EventDataModule(cache)
    space = described(EventSequenceSpace, data.shape.to_json())
    found = {"objective": evaluator.objective, "direction": evaluator.direction}
    run = Run.create(
        folder / "run", Settings(space=space, evaluator=described(kind, evaluator.init_args), trials=2, **found)
    )
    journal, rng = Journal.create(run.directory / JOURNAL, run.space.search_space, direction=evaluator.direction), RNG
    trial = journal.ask(Proposal(run.space.search_space.sample(rng)))
    journal.tell(trial.number, Outcome(score=0.5, cost=1.0))
    journal.close()
    truth = data.arrays.label[data.arrays.rows("val")]
    outputs = (truth + rng.normal(scale=0.3, size=truth.shape)).astype(np.float32)
    Predictions(outputs, truth).save(run.trial_directory(trial) / PREDICTIONS)
    return page(run)


RNG = np.random.default_rng(0)


@pytest.fixture
def labels() -> pd.DataFrame:
    _, labels = shopping()
    loyal = labels["loyal"] == "yes"
    drawn = np.random.default_rng(1)
    return labels.assign(
        spent=100 * loyal + drawn.normal(size=len(labels)), tea=loyal ^ (drawn.random(len(labels)) < 0.3)
    )


def test_a_number_has_a_scatter_and_errors_in_its_unit(tmp_path, labels):
    text = said(tmp_path, labels[["user", "spent"]], "spent", EventRegression, objective="rmse")
    for words in ("predicted spent", "mean absolute error", "nine of ten errors are below", "spent: a number"):
        assert words in text
    assert "This part is missing" not in text


def test_several_labels_have_a_row_each(tmp_path, labels):
    text = said(tmp_path, labels[["user", "loyal", "tea"]], ["loyal", "tea"], EventClassification)
    for words in ("average precision", "loyal: area", "tea: area", "2 labels at once", "users with in each split"):
        assert words in text
    assert "This part is missing" not in text
