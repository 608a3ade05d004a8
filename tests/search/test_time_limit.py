"""The minutes of a search: trials end when they are to, however long they take and however many run."""

import heapq

import numpy as np
import pytest

from nni_nasplus.budgets.asha import ASHA
from nni_nasplus.hosts.progress import seconds_left
from nni_nasplus.search.epochs.budget import Budget
from nni_nasplus.search.history import SearchSpaceExhausted
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.search import NothingYet, Search
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.time_limit import TimeIsUp, TimeLimit, part_seconds, training_seconds
from nni_nasplus.search.trial import Outcome
from nni_nasplus.strategies import RandomSearch

SPACE = SearchSpace({f"op {number}": ["conv", "pool", "none"] for number in range(8)})
LIMIT = 1000.0


class Workers:
    """Trains trials on a clock of its own: so many at a time, each as long as ``seconds`` says of its epochs."""

    def __init__(self, count, seconds, now=0.0):
        self.count, self.seconds, self.now = count, seconds, now

    def finish(self, search):
        """When the last trial has ended; in it are their costs."""
        running = []
        while True:
            while len(running) < self.count and (trial := self._next(search)):
                seconds = self.seconds(trial)
                heapq.heappush(running, (self.now + seconds, trial.number, seconds))
            if not running:
                return self.now
            self.now, number, seconds = heapq.heappop(running)
            search.tell(number, Outcome(score=float(number % 7), cost=seconds))

    @staticmethod
    def _next(search):
        try:
            return search.ask()
        except SearchSpaceExhausted:
            return None


def limited(workers, limit=LIMIT, **options):
    return Search(SPACE, RandomSearch(), time_limit=TimeLimit(limit, lambda: workers.now), **options)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("mean", [5.0, 40.0])
def test_a_search_ends_within_a_tenth_of_its_time(count, mean):
    rng = np.random.default_rng(0)
    workers = Workers(count, lambda trial: mean * rng.uniform(0.5, 1.5))
    end = workers.finish(limited(workers))
    assert 0.9 * LIMIT <= end <= 1.1 * LIMIT


def test_nothing_begins_that_is_expected_to_end_late():
    workers = Workers(1, lambda trial: 300.0)
    assert workers.finish(limited(workers)) == 900.0


def test_a_search_that_went_on_has_the_rest_of_its_time(tmp_path):
    path = tmp_path / "journal.jsonl"
    workers = Workers(2, lambda trial: 30.0)
    first = limited(workers, journal=Journal.create(path, SPACE))
    for _ in range(2):
        first.ask()
    first.tell(0, Outcome(score=1.0, cost=30.0))
    first.journal.close()
    workers.now = 970.0
    later = limited(workers, journal=Journal.open(path))
    assert later.ask().number == 1
    workers.now = 971.0
    with pytest.raises(TimeIsUp, match=r"after the 16.6667 minutes of the search$"):
        later.ask()
    later.journal.close()


@pytest.mark.parametrize("count", [1, 4])
def test_a_search_with_a_budget_ends_with_a_whole_training_in_time(count):
    budget, seen = Budget(ASHA(), 27, float("inf")), {}

    def seconds(trial):
        before, seen[trial.number] = seen.get(trial.number, 0), trial.epochs
        return 1.0 * (trial.epochs - before)

    workers = Workers(count, seconds)
    search = limited(workers, limit=60.0, budget=budget)
    end = workers.finish(search)
    assert 27 in search.history.arrivals
    assert 0.9 * 60 <= end <= 1.1 * 60
    assert part_seconds(search.history, 9) == pytest.approx(9.0)
    assert search.time_limit.is_over(search.history, budget)


def test_parts_wait_for_those_in_training_once_the_time_is_up():
    workers = Workers(1, lambda trial: 1.0)
    search = limited(workers, budget=Budget(ASHA(), 9, 100))
    search.ask()
    workers.now = LIMIT + 1
    with pytest.raises(NothingYet):
        search.ask()


def test_the_end_is_that_of_the_trials_or_of_the_time_whichever_comes_first():
    workers = Workers(1, lambda trial: 50.0)
    search = limited(workers)
    assert seconds_left(search.history, float("inf"), 2, search.time_limit) == LIMIT
    trial = search.ask()
    workers.now = 50.0
    search.tell(trial, Outcome(score=1.0, cost=50.0))
    assert training_seconds(search.history) == 50.0
    assert seconds_left(search.history, 5, 2, search.time_limit) == 100.0
    assert seconds_left(search.history, 500, 2, search.time_limit) == LIMIT - 50
