"""Trainings in parts, each of which is a trial of a study."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from digits_search import create

from nni_nasplus.hosts.process import ProcessHost

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402

from nni_nasplus.hosts.optuna import worker  # noqa: E402
from nni_nasplus.hosts.optuna.mirror import Mirror  # noqa: E402
from nni_nasplus.hosts.optuna.sampling.outcomes import _OUTCOME as OUTCOME  # noqa: E402
from nni_nasplus.hosts.optuna.sampling.suggestion import EPOCHS  # noqa: E402
from nni_nasplus.hosts.optuna.study import has_more, open_study  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage"),
]


def run_of(folder, host="optuna", trials=9, **settings):
    made = create(folder / host, trials, host=host, seconds=0.0, epochs=9)
    return made.with_settings(budget="asha", **settings)


def mirrored(run, study):
    """The history of the journal, brought up to date by a process that ends."""
    journal = run.open_search().journal
    Mirror(study, journal, is_budgeted=True).copy()
    journal.close()
    return run.history()


def proposals(run):
    """What the journal says was asked for, in order."""
    lines = [json.loads(line) for line in (run.directory / "journal.jsonl").read_text().splitlines()]
    return [(line["number"], line["epochs"]) for line in lines if line["event"] in ("ask", "continue")]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    run = run_of(tmp_path_factory.mktemp("optuna"))
    worker.work(run)
    return run, open_study(run)


def test_every_part_is_a_trial_of_its_own_with_the_parameters_of_its_parent(done):
    run, study = done
    of = {(trial.system_attrs[EPOCHS], trial.state) for trial in study.trials}
    assert of == {(1, TrialState.PRUNED), (3, TrialState.PRUNED), (9, TrialState.COMPLETE)}
    assert [trial.value for trial in study.trials] == [trial.system_attrs[OUTCOME]["score"] for trial in study.trials]
    assert Counter(trial.system_attrs[EPOCHS] for trial in study.trials) == {1: 9, 3: 3, 9: 1}
    (last,) = (trial for trial in study.trials if trial.system_attrs[EPOCHS] == 9)
    same = [trial for trial in study.trials if trial.params == last.params]
    assert [trial.system_attrs[EPOCHS] for trial in same] == [1, 3, 9]
    assert [trial.user_attrs["part"] for trial in same] == [
        "trains to epoch 1",
        f"trains to epoch 3, goes on from trial {same[0].number}",
        f"trains to epoch 9, goes on from trial {same[1].number}",
    ]
    assert not has_more(run, study)


def test_the_best_trial_of_the_study_is_a_whole_training_and_those_that_are_paused_say_so(done):
    study = done[1]
    assert study.best_trial.system_attrs[EPOCHS] == 9
    paused = [trial.user_attrs.get("paused after epoch") for trial in study.trials]
    assert paused == [epochs if epochs < 9 else None for epochs in (t.system_attrs[EPOCHS] for t in study.trials)]


def test_the_journal_has_each_architecture_once_and_each_rung(done):
    history = mirrored(*done)
    assert {epochs: len(trials) for epochs, trials in history.arrivals.items()} == {1: 9, 3: 3, 9: 1}
    assert (len(history.trials), history.pending, history.best[0].reached) == (9, [], 9)
    before = proposals(done[0])
    mirrored(*done)
    assert proposals(done[0]) == before


def test_one_worker_trains_what_the_searching_process_would(done, tmp_path):
    alone = run_of(tmp_path, host="process")
    with ProcessHost().search(alone) as search:
        search.wait(lambda history: None)
    mirrored(*done)
    assert [trial.architecture for trial in alone.history().trials] == [
        trial.architecture for trial in done[0].history().trials
    ]
    assert Counter(proposals(alone)) == Counter(proposals(done[0]))


def test_a_trial_that_ends_while_somebody_looks_for_more_is_not_the_end(tmp_path, monkeypatch):
    run = run_of(tmp_path, trials=1)
    study = open_study(run)
    assert has_more(run, study)
    trial = study.ask()
    monkeypatch.setattr(
        "nni_nasplus.hosts.optuna.study._fill_parts", lambda *of: study.tell(trial, state=TrialState.FAIL)
    )
    assert has_more(run, study)


@pytest.mark.system
def test_more_trials_go_on_where_it_had_ended(tmp_path):
    run = run_of(tmp_path, trials=3)
    worker.work(run)
    more = run.with_settings(trials=9)
    worker.work(more)
    history = mirrored(more, open_study(more))
    assert len(history.trials) == 9
    assert more.settings.are_met(history)
