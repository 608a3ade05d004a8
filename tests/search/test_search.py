"""What a search refuses: architectures beyond a limit, and to go on after failures for one reason."""

from __future__ import annotations

import pytest

from nni_nasplus import Journal, Search, SearchSpace
from nni_nasplus.search.search import RepeatedFailure
from nni_nasplus.search.strategy import SearchSpaceExhausted
from nni_nasplus.strategies import RandomSearch

SPACE = SearchSpace({"d": list(range(10))})


def search(path, **options):
    return Search(RandomSearch(SPACE, seed=0), Journal.create(path, {"direction": "maximize"}), **options)


def odd(architecture):
    return "d is odd" if architecture["d"] % 2 else None


def test_what_exceeds_a_limit_is_never_handed_out_and_counts_as_no_trial(tmp_path):
    running = search(tmp_path / "j.jsonl", excess=odd)
    handed = []
    with pytest.raises(SearchSpaceExhausted):
        while True:
            handed.append(running.ask())
            running.tell(handed[-1].number, 1.0)
    assert sorted(t.architecture["d"] for t in handed) == [0, 2, 4, 6, 8]
    read = Journal.read(tmp_path / "j.jsonl")
    assert len(read.finished) == 5
    assert {t.reason for t in read.trials if t.status == "rejected"} == {"d is odd"}


def test_failures_in_a_row_for_one_reason_stop_the_search_numbers_apart(tmp_path):
    running = search(tmp_path / "j.jsonl", max_failures=3)
    for epoch in range(3):
        running.tell(running.ask().number, None, reason=f"loss is nan after epoch {epoch}")
    with pytest.raises(RepeatedFailure, match="3 trials in a row failed: loss is nan after epoch 2"):
        running.ask()


def test_architectures_that_diverge_stop_no_search_in_which_others_do_not(tmp_path):
    running = search(tmp_path / "j.jsonl", max_failures=3)
    for _ in range(3):
        running.tell(running.ask().number, None, reason="TrialFailed: loss is nan")
    with pytest.raises(RepeatedFailure, match="3 trials in a row failed: TrialFailed: loss is nan"):
        running.ask()
    running = search(tmp_path / "k.jsonl", max_failures=3)
    running.tell(running.ask().number, 1.0)
    for _ in range(4):
        running.tell(running.ask().number, None, reason="TrialFailed: loss is nan")
    assert running.ask().number == 5


def test_failures_for_several_reasons_or_by_the_user_do_not(tmp_path):
    running = search(tmp_path / "j.jsonl", max_failures=2)
    for reason in ("a", "b", *["cancelled by the user, or ended by a signal"] * 3):
        running.tell(running.ask().number, None, reason=reason)
    assert running.ask().number == 5
