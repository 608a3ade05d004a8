"""Any run as a study, and its plots."""

from __future__ import annotations

from pathlib import Path

import pytest
from digits_search import create
from optuna_workers import worth

from nni_nasplus import UserError
from nni_nasplus.run.run import Run
from nni_nasplus.search.trial import Outcome, Proposal

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402

from nni_nasplus.hosts.optuna.imported import as_study, draw_study  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_any_run_is_a_study_too(tmp_path):
    run = finished(tmp_path / "run")
    url = f"sqlite:///{tmp_path}/copy.db"
    study = as_study(run, url)
    stored = optuna.load_study(study_name="run", storage=url)
    assert [(t.state, t.value, t.params) for t in stored.trials] == [
        (TrialState.FAIL if t.score is None else TrialState.COMPLETE, t.score, t.architecture)
        for t in run.history().trials
    ]
    assert stored.trials[0].user_attrs["parameters"] == 10.0
    assert "boom" in next(t.user_attrs["reason"] for t in stored.trials if t.state == TrialState.FAIL)
    with pytest.raises(UserError, match="has a study 'run' already"):
        as_study(run, url)
    pytest.importorskip("plotly")
    pages = draw_study(study, tmp_path / "plots")
    assert [page.stem for page in pages] == ["best_so_far", "parallel_coordinates", "importances", "pareto_front"]
    assert all('src="plotly.min.js"' in page.read_text() for page in pages), "they need no network"


def finished(directory: Path) -> Run:
    """A run with a journal of five trials, one of them failed."""
    run = create(directory, 5)
    journal = run.open_search().journal
    for number in range(5):
        trial = journal.ask(Proposal({"tens": number, "ones": 9 - number}))
        outcome = Outcome(score=worth(trial.architecture), metrics={"parameters": 10.0 * (number + 1)})
        journal.tell(trial.number, Outcome(reason="ValueError: boom") if number == 2 else outcome)
    journal.close()
    return run
