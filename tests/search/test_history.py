"""The history of a search: trials that end once, and trials that go on for more epochs."""

from __future__ import annotations

import numpy as np
import pytest

from nni_nasplus import History, Journal, Outcome, Proposal, Search, SearchSpace, SearchSpaceExhausted, UserError
from nni_nasplus.strategies import RandomSearch

SPACE = SearchSpace({"op": ["a", "b", "c"], "heads": [1, 2]}, {"heads": {"op": ["a"]}})
A, B = {"op": "b"}, {"op": "c"}


def test_it_knows_what_is_new_in_flight_and_done():
    history = History(SPACE, "minimize")
    first, second = history.ask(Proposal(A)), history.ask(Proposal(B))
    assert (history.pending, history.proposed, history.is_new({"op": "b", "heads": 2})) == ([A, B], 2, False)
    history.tell(second.number, Outcome(score=3.0, cost=2.0))
    history.tell(first.number, Outcome())
    assert history.observations == [(B, -3.0, 2.0, {}), (A, None, None, {})]
    assert (history.pending, history.best, history.by_time) == ([], [second], [second, first])


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_what_was_trained_again_is_one_observation_of_the_mean(direction, sign):
    history = History(SPACE, direction)
    for architecture, score in ((A, 0.9), (B, 0.6)):
        history.tell(history.ask(Proposal(architecture)).number, Outcome(score=score))
    history.repeats = {SPACE.key(A): [0.5, 0.4]}
    assert [one.utility for one in history.observations] == pytest.approx([sign * 0.6, sign * 0.6])
    assert history.scores == pytest.approx([0.6, 0.6])
    assert [trial.score for trial in history.trials] == [0.9, 0.6]


def test_random_proposals_find_the_last_architecture_and_then_nothing():
    history, rng = History(SPACE), np.random.default_rng(0)
    for _ in range(4):
        history.ask(history.random(rng))
    with pytest.raises(SearchSpaceExhausted):
        history.random(rng)


def test_where_nothing_succeeded_it_says_why():
    history = History(SearchSpace({"op": ["a", "b", "c"]}))
    for op, failure, reason in (
        ("a", "rejected", "flops 3 is more than the limit 1"),
        ("b", "rejected", "flops 2 is more than the limit 1"),
        ("c", "error", "no memory"),
    ):
        history.tell(history.ask(Proposal({"op": op})).number, Outcome(failure=failure, reason=reason))
        rejected = f"{len(history.trials)} proposals exceeded the limits, the last one: {reason}"
        assert history.reasons == ([rejected] if failure == "rejected" else [reason])


def test_an_outcome_is_a_score_or_a_failure():
    assert Outcome().failure == "error"
    assert Outcome(score=0.0).failure is None
    with pytest.raises(ValueError, match="say one of both"):
        Outcome(score=1.0, failure="error")


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(score=0.5, metrics={"loss": 0.0}, cost=0.0, teachers=[3, 1], epochs=4),
        Outcome(failure="diverged", reason="loss is nan"),
        Outcome(),
    ],
)
def test_an_outcome_survives_json(outcome):
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_a_trial_goes_on_for_more_epochs_and_is_one_trial():
    history = History(SPACE)
    trial = history.ask(Proposal(A, "random", epochs=1))
    history.tell(trial.number, Outcome(score=0.5))
    assert history.ask(Proposal(A, "promotion", epochs=3)) is trial
    assert (trial.status, trial.curve, history.pending) == ("pending", {1: 0.5}, [A])
    history.report(trial.number, 2, 0.6)
    history.tell(trial.number, Outcome(score=0.7))
    history.ask(Proposal(A, "promotion"))
    history.tell(trial.number, Outcome(score=0.9, epochs=10))
    assert trial.curve == {1: 0.5, 2: 0.6, 3: 0.7, 10: 0.9}
    assert (len(history.trials), history.asked, trial.origin) == (1, 3, "random")
    assert history.observations == [(A, 0.9, None, {})]


@pytest.mark.parametrize("epochs", [3, 2])
def test_a_trial_does_not_go_on_for_fewer_epochs_nor_while_it_runs_nor_after_all(epochs):
    history = History(SPACE)
    trial = history.ask(Proposal(A, epochs=3))
    with pytest.raises(ValueError, match="proposed before"):
        history.ask(Proposal(A, epochs=9))
    history.tell(trial.number, Outcome(score=0.5))
    with pytest.raises(ValueError, match="proposed before"):
        history.ask(Proposal(A, epochs=epochs))
    whole = history.ask(Proposal(B))
    history.tell(whole.number, Outcome(score=0.5))
    with pytest.raises(ValueError, match="proposed before"):
        history.ask(Proposal(B, epochs=9))


def test_a_trial_that_went_on_counts_as_the_latest_result():
    history = History(SPACE)
    for architecture in (A, B):
        trial = history.ask(Proposal(architecture, epochs=1))
        history.tell(trial.number, Outcome(score=0.5))
    history.ask(Proposal(A, epochs=2))
    assert len(history.succeeded) == 2, "what it has reached so far is known while it goes on"
    history.tell(0, Outcome(score=0.4))
    assert [o.utility for o in history.succeeded] == [0.5, 0.4]
    assert [trial.number for trial in history.by_time] == [1, 0]


def test_the_journal_keeps_curves_and_goes_on_between_two_rungs(tmp_path):
    journal = Journal.create(tmp_path / "j.jsonl", SPACE)
    trial = journal.ask(Proposal(A, epochs=1))
    journal.report(trial.number, 1, 0.4)
    journal.tell(trial.number, Outcome(score=0.5))
    journal.ask(Proposal(A, epochs=3))
    journal.report(trial.number, 2, 0.6)
    journal.close()
    again = Search(SPACE, RandomSearch(), journal=Journal.open(tmp_path / "j.jsonl"))
    assert again.history.trials == journal.history.trials
    left = again.ask()
    assert (left.number, left.epochs, left.curve) == (0, 3, {1: 0.5, 2: 0.6})
    again.report(left, 3, 0.7)
    again.tell(left, 0.7)
    read = Journal.read(tmp_path / "j.jsonl").history
    assert read.trials == again.history.trials
    assert read.best[0].curve == {1: 0.5, 2: 0.6, 3: 0.7}


def test_what_is_refused_is_not_in_the_journal(tmp_path):
    journal = Journal.create(tmp_path / "j.jsonl", SPACE)
    journal.ask(Proposal(A))
    with pytest.raises(ValueError, match="proposed before"):
        journal.ask(Proposal(A))
    with pytest.raises(ValueError, match="not pending"):
        journal.tell(7, Outcome())
    with pytest.raises(ValueError, match="not pending"):
        journal.report(7, 1, 0.5)
    with pytest.raises(UserError, match="decision"):
        journal.ask(Proposal({"op": "z"}))
    assert len((tmp_path / "j.jsonl").read_text().splitlines()) == 2
