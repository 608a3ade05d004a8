"""What a search refuses: architectures beyond a limit, and to go on after failures for one reason."""

from __future__ import annotations

import pytest

from nni_nasplus import Journal, Outcome, Search, SearchSpace, SearchSpaceExhausted
from nni_nasplus.search.search import RepeatedFailure
from nni_nasplus.strategies import RandomSearch

SPACE = SearchSpace({"d": list(range(10))})


def search(path, **options):
    return Search(SPACE, RandomSearch(), journal=Journal.create(path, SPACE), **options)


def odd(architecture):
    return "d is odd" if architecture["d"] % 2 else None


def test_what_exceeds_a_limit_is_never_handed_out_and_counts_as_no_trial(tmp_path):
    running = search(tmp_path / "j.jsonl", excess=odd)
    handed = []
    with pytest.raises(SearchSpaceExhausted):
        while True:
            handed.append(running.ask())
            running.tell(handed[-1], 1.0)
    assert sorted(t.architecture["d"] for t in handed) == [0, 2, 4, 6, 8]
    read = Journal.read(tmp_path / "j.jsonl").history
    assert len(read.finished) == 5
    assert {t.reason for t in read.trials if t.status == "rejected"} == {"d is odd"}


def test_failures_in_a_row_for_one_reason_stop_the_search_numbers_apart(tmp_path):
    running = search(tmp_path / "j.jsonl", max_failures=3)
    for epoch in range(3):
        running.tell(running.ask(), Outcome(reason=f"loss is nan after epoch {epoch}"))
    with pytest.raises(RepeatedFailure, match="3 trials in a row failed: loss is nan after epoch 2"):
        running.ask()


def test_architectures_that_diverge_stop_no_search_in_which_others_do_not(tmp_path):
    diverged = Outcome(failure="diverged", reason="TrialFailed: loss is nan")
    running = search(tmp_path / "j.jsonl", max_failures=3)
    for _ in range(3):
        running.tell(running.ask(), diverged)
    with pytest.raises(RepeatedFailure, match="3 trials in a row failed: TrialFailed: loss is nan"):
        running.ask()
    running = search(tmp_path / "k.jsonl", max_failures=3)
    running.tell(running.ask(), 1.0)
    for _ in range(4):
        running.tell(running.ask(), diverged)
    assert running.ask().number == 5


def test_failures_for_several_reasons_or_by_the_user_do_not(tmp_path):
    running = search(tmp_path / "j.jsonl", max_failures=2)
    cancelled = Outcome(failure="cancelled", reason="cancelled by the user, or ended by a signal")
    for outcome in (Outcome(reason="a"), Outcome(reason="b"), *[cancelled] * 3):
        running.tell(running.ask(), outcome)
    assert running.ask().number == 5


def test_what_was_interrupted_is_tried_again_before_anything_new_and_is_no_failure(tmp_path):
    running = search(tmp_path / "j.jsonl", max_failures=1)
    first, second = running.ask(), running.ask()
    running.tell(first, Outcome(failure="interrupted"))
    assert running.ask() is first
    assert first.status == second.status == "pending"
    running.tell(first, 1.0)
    assert running.ask().number == 2


def test_a_search_in_memory_tells_of_numbers_and_of_trials():
    running = Search(SPACE, RandomSearch())
    running.tell(running.ask().number, 1)
    running.tell(running.ask(), Outcome(score=2.0, metrics={"loss": 1.0}))
    assert [trial.score for trial in running.history.best] == [2.0, 1]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_refused(wrong):
    running = Search(SPACE, RandomSearch())
    with pytest.raises(ValueError, match="None"):
        running.tell(running.ask(), wrong)


def test_a_second_result_is_refused():
    running = Search(SPACE, RandomSearch())
    trial = running.ask()
    running.tell(trial, 1.0)
    with pytest.raises(ValueError, match="not pending"):
        running.tell(trial, 2.0)
