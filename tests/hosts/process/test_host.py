"""A search in the very process that asks for it."""

from __future__ import annotations

import signal

import pytest
from digits_search import Worth, create
from rich.console import Console

from nni_nasplus import UserError, registry
from nni_nasplus.hosts import running
from nni_nasplus.hosts.process import ProcessHost
from nni_nasplus.registry import described
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.trial import Outcome
from nni_nasplus.training.trial_folder import write_outcome

EXITS_LIKE_LIGHTNING = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
try:
    raise KeyboardInterrupt
except KeyboardInterrupt:
    sys.exit(1)
"""


def run_of(folder, trials=6, **worth) -> Run:
    return create(folder / "run", trials, host="process", **{"seconds": 0.0, **worth})


def complete(run):
    """Search to the end; the trials that were finished at each change."""
    seen = []
    with ProcessHost().search(run) as search:
        search.wait(lambda history: seen.append(len(history.finished)))
    return seen


def mended(run):
    """The run, of which no trial fails any more."""
    worth = {**described(Worth, Worth(seconds=0.0).init_args), "class_path": "digits_search.Worth"}
    return run.with_settings(evaluator=worth)


def test_it_is_found_by_name():
    assert registry.load("hosts", "process") is ProcessHost


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trial_seconds": 1.0}, "--trial_seconds and --trial_mib need --host nni"),
        ({"trial_mib": 1.0}, "--trial_seconds and --trial_mib need --host nni"),
        ({"storage": "sqlite:///study.db"}, "--storage has no effect; add --host optuna"),
    ],
)
def test_what_it_cannot_do_is_refused(settings, message):
    with pytest.raises(UserError, match=message):
        ProcessHost().check(Settings(host="process", **settings))


def test_it_trains_as_many_as_asked_one_at_a_time_and_then_more(tmp_path):
    run = run_of(tmp_path, 3, concurrency=2)
    assert complete(run) == [0, 1, 2, 3]
    assert complete(run.with_settings(trials=5)) == [3, 4, 5]
    assert complete(run.with_settings(trials=5)) == [5]


def test_it_proposes_what_any_host_would(tmp_path):
    run = run_of(tmp_path)
    complete(run)
    search = run.new_search(run.space.search_space)
    for trial in run.history().trials:
        proposed = search.ask()
        assert (proposed.architecture, proposed.origin) == (trial.architecture, trial.origin)
        search.tell(proposed, trial.score)


def test_a_trial_that_fails_keeps_its_reason_and_the_search_goes_on(tmp_path):
    run = run_of(tmp_path, 8, bad="02468", mode="raise ValueError('no such layer')").with_settings(max_failures=8)
    complete(run)
    failures = {trial.reason for trial in run.history().finished if trial.status == "failed"}
    assert failures == {"ValueError: no such layer"}
    assert len(run.history().finished) == 8 > len(run.history().best) > 0


def test_failures_in_a_row_end_the_search_with_their_reason(tmp_path):
    run = run_of(tmp_path, 9, bad="0123456789", mode="raise ValueError('no such layer')")
    with pytest.raises(UserError, match="3 trials in a row failed: ValueError: no such layer; go on with: nasplus"):
        complete(run)
    assert complete(mended(run))[-1] == 9


@pytest.mark.parametrize("mode", ["raise KeyboardInterrupt", EXITS_LIKE_LIGHTNING])
def test_a_trial_that_is_interrupted_is_tried_again(tmp_path, mode):
    run = run_of(tmp_path, bad="0123456789", mode=mode)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        complete(run)
    assert signal.getsignal(signal.SIGINT) is before
    assert [trial.status for trial in run.history().trials] == ["pending"]
    complete(mended(run))
    assert [trial.status for trial in run.history().trials] == ["done"] * 6


def test_a_result_that_an_earlier_process_had_earned_is_taken_as_it_is(tmp_path):
    run = run_of(tmp_path)
    search = run.open_search()
    trial = search.ask()
    search.journal.close()
    write_outcome(run.trial_directory(trial), Outcome(score=1000.0))
    complete(run)
    assert run.history().trials[0].score == 1000.0


def test_a_space_that_is_used_up_ends_the_search(tmp_path):
    run = run_of(tmp_path, 101)
    assert complete(run)[-1] == run.space.search_space.size == 100


def test_a_search_ends_when_its_minutes_are_used_and_goes_on_with_more(tmp_path, monkeypatch):
    run = run_of(tmp_path, seconds=0.01).with_settings(trials=None, minutes=0.00105)
    monkeypatch.setattr("nni_nasplus.run.run.seconds_used", lambda _: sum(t.cost for t in run.history().finished))
    assert complete(run)[-1] == 6
    assert run.is_over
    assert not running.complete(run, Console())
    assert complete(run.with_settings(minutes=0.0016))[-1] == 9
    assert complete(run.with_settings(minutes=0.002, trials=10))[-1] == 10
