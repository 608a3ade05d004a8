"""REINFORCE and PPO: how results move the policy."""

from __future__ import annotations

import time

import numpy as np
import pytest
from landscapes import GRID, score, trained

from nni_nasplus import History, Outcome, Proposal, Search, SearchSpace, UserError
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies import RandomSearch
from nni_nasplus.strategies.controllers.controller import Batch
from nni_nasplus.strategies.controllers.ppo import Ppo
from nni_nasplus.strategies.controllers.reinforce import Reinforce

BOTH = pytest.mark.parametrize("kind", [Reinforce, Ppo])
TWO = SearchSpace({"op": ["a", "b", "c"], "width": [8, 16]})


def learner_of(strategy, search):
    """The policy of a search as it is now."""
    learner = strategy.learner(search.history)
    learner.catch_up()
    return learner


def told(strategy, results, space=TWO):
    """What becomes of the policy by results that it did not propose."""
    search = Search(space, strategy)
    for architecture, result in results:
        search.learn(architecture, result)
    return learner_of(strategy, search)


def in_flight(strategy, seed, workers, count, noise=0.0):
    """A search of several workers whose results come back in any order."""
    search, rng, flying = Search(GRID, strategy, seed=seed), np.random.default_rng(seed), []
    for _ in range(count):
        flying.append(search.ask())
        if len(flying) >= workers:
            done = flying.pop(rng.integers(len(flying)))
            search.tell(done, score(done.architecture) + noise * rng.normal())
    return search


def test_one_worker_and_batches_of_one_are_the_online_algorithm():
    """As in NATS-Bench's code: Adam on −log π · (reward − baseline), the baseline a moving mean that has it already."""
    search = Search(GRID, Reinforce(), seed=4)
    logits, mean, square = np.zeros((6, 4)), np.zeros((6, 4)), np.zeros((6, 4))
    total = weight = 0.0
    for step in range(1, 61):
        trial = search.ask()
        reward = score(trial.architecture)
        search.tell(trial, reward)
        total, weight = 0.9 * total + 0.1 * reward, 0.9 * weight + 0.1
        shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        gradient = (reward - total / weight) * (np.eye(4)[list(trial.architecture.values())] - shares)
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        logits += 0.01 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        np.testing.assert_allclose(learner_of(search.strategy, search).policy.logits, logits.ravel(), atol=1e-8)


def test_the_first_result_moves_nothing():
    assert not told(Reinforce(), [({"op": "a", "width": 8}, 5.0)]).policy.logits.any()


@BOTH
def test_a_rate_of_zero_is_random_search(kind):
    still = trained(Search(GRID, kind(rate=0.0), seed=3), 80)
    assert still == trained(Search(GRID, RandomSearch(), seed=3), 80)


@BOTH
def test_it_beats_random_search_over_50_seeds(kind):
    def best(strategy, seed):
        search = in_flight(strategy, seed, 5, 100)
        return max(observation.utility for observation in search.history.succeeded)

    ours = np.array([best(kind(), seed) for seed in range(50)])
    random = np.array([best(RandomSearch(), seed) for seed in range(50)])
    assert ours.mean() > random.mean() + 3 * (ours - random).std() / np.sqrt(50)


@BOTH
def test_a_restored_history_goes_on_exactly_whatever_is_in_flight(kind):
    """The origins alone say which policy has drawn what: all are asked at once here, and told in the same order."""
    search = in_flight(kind(batch=4), 5, 7, 60)
    again = History(GRID)
    for trial in search.history.trials:
        again.ask(Proposal(trial.architecture, trial.origin))
    for observation in search.history.observations:
        again.tell(again.trial_of(observation.architecture).number, Outcome(score=observation.utility))
    expected, restored = learner_of(search.strategy, search), search.strategy.learner(again)
    restored.catch_up()
    assert expected.version == restored.version > 5
    assert np.array_equal(expected.policy.logits, restored.policy.logits)


@BOTH
def test_a_failure_is_as_bad_as_the_worst_of_its_batch(kind):
    results = [({"op": "a", "width": 8}, 3.0), ({"op": "b", "width": 8}, 7.0), ({"op": "c", "width": 16}, 5.0)]
    failed = told(kind(batch=4), [*results, ({"op": "a", "width": 16}, None)])
    worst = told(kind(batch=4), [*results, ({"op": "a", "width": 16}, 3.0)])
    assert np.array_equal(failed.policy.logits, worst.policy.logits)
    assert failed.policy.logits.any()


@BOTH
def test_failures_alone_move_nothing(kind):
    assert not told(kind(batch=2), [(one, None) for one in list(TWO)[:4]]).policy.logits.any()


def test_a_failure_in_a_batch_of_its_own_is_as_bad_as_the_worst_before():
    results = [({"op": "a", "width": 8}, 3.0), ({"op": "b", "width": 8}, 7.0)]
    failed = told(Reinforce(), [*results, ({"op": "c", "width": 16}, None)])
    worst = told(Reinforce(), [*results, ({"op": "c", "width": 16}, 3.0)])
    assert np.array_equal(failed.policy.logits, worst.policy.logits)


@pytest.mark.parametrize(("age", "moves"), [(3, True), (4, False)])
def test_what_is_older_than_the_staleness_is_dropped(age, moves):
    learner = Reinforce(batch=2, staleness=3).learner(History(TWO))
    codes = learner.policy.encode(list(TWO)[:2])
    learner.update(Batch(codes, np.array([1.0, 2.0]), learner.policy.log_probability(codes), np.array([age, age])))
    assert learner.policy.logits.any() == moves


def test_a_result_counts_by_how_likely_it_still_is():
    """π now / π then, and 1 at most: of a rate so small that the step of Adam is proportional to nothing else."""
    learner = Reinforce(batch=2).learner(History(TWO))
    codes, found = learner.policy.encode(list(TWO)[:2]), []
    now = learner.policy.log_probability(codes)
    learner.adam.step = lambda gradient: found.append(gradient) or np.zeros_like(gradient)
    for then in (now, now + np.log(4), now - np.log(4)):
        learner._baseline = learner._weight = 0.0
        learner.update(Batch(codes, np.array([1.0, 2.0]), then, np.zeros(2, dtype=int)))
    np.testing.assert_allclose(found[1], found[0] / 4)
    np.testing.assert_allclose(found[2], found[0])


def test_the_ratios_of_the_first_epoch_are_one_and_nothing_is_clipped():
    search = Search(GRID, Ppo(), seed=1)
    learner, seen = search.strategy.learner(search.history), []
    original = learner._weights
    learner._weights = lambda batch, advantages: seen.append((original(batch, advantages), advantages)) or seen[-1][0]
    for _ in range(3):
        for trial in [search.ask() for _ in range(20)]:
            search.tell(trial, score(trial.architecture))
        learner.catch_up()
    for weights, advantages in seen[:: Ppo().epochs]:
        np.testing.assert_allclose(weights, advantages, rtol=1e-9)
    assert any((weights == 0).any() for weights, _ in seen), "later ones clip"


@pytest.mark.parametrize(
    ("advantage", "ratio", "clipped"), [(1, 1.3, True), (1, 0.5, False), (-1, 0.7, True), (-1, 2, False)]
)
def test_clipped_samples_give_no_gradient(advantage, ratio, clipped):
    learner = Ppo(clip=0.2).learner(History(TWO))
    codes = learner.policy.encode(list(TWO)[:1])
    old = learner.policy.log_probability(codes) - np.log(ratio)
    (weight,) = learner._weights(Batch(codes, np.zeros(1), old, np.zeros(1, dtype=int)), np.array([advantage]))
    assert weight == (0 if clipped else pytest.approx(ratio * advantage))


@pytest.mark.parametrize("constant", [1000.0, -3.0])
def test_a_constant_added_to_all_rewards_changes_nothing_for_ppo(constant):
    def proposals(added):
        search, found = Search(GRID, Ppo(batch=5), seed=2), []
        for _ in range(80):
            found.append(search.ask())
            search.tell(found[-1], score(found[-1].architecture) + added)
        return [trial.architecture for trial in found]

    assert proposals(0.0) == proposals(constant)


@BOTH
@pytest.mark.parametrize("score", [2.0, 2])
def test_equal_rewards_move_nothing(kind, score):
    assert not told(kind(batch=3), [(one, score) for one in list(TWO)]).policy.logits.any()


@BOTH
def test_a_policy_that_has_converged_does_not_stall(kind):
    """All probability on one architecture, which was trained: its logits are cooled down until something is new."""
    search = Search(GRID, kind(), seed=0)
    learner = search.strategy.learner(search.history)
    learner.policy.logits.reshape(6, 4)[:, 3] = 60.0
    search.learn(dict.fromkeys(GRID.decisions, 3), 18.0)
    drawn = [learner.propose(np.random.default_rng(seed)).architecture for seed in range(50)]
    assert all(GRID.key(one) not in search.history.keys for one in drawn)
    assert np.mean([score(one) for one in drawn]) > 15, "near what the policy prefers, not uniform"


@BOTH
def test_what_it_did_not_propose_counts_as_drawn_by_the_policy_as_it_is(kind):
    one, other = {"op": "a", "width": 8}, {"op": "c", "width": 16}
    search = Search(TWO, kind(batch=2), seed=0)
    search.learn(one, 1.0)
    search.learn(other, 3.0)
    policy = learner_of(search.strategy, search).policy
    assert policy.log_preference(policy.encode([other]))[0] > 0 > policy.log_preference(policy.encode([one]))[0]


@BOTH
@pytest.mark.system
def test_a_proposal_takes_less_than_five_milliseconds_after_10000_results(kind):
    space = SearchSpace({f"d{i}": list(range(5)) for i in range(16)})
    search, rng = Search(space, kind(), seed=0), np.random.default_rng(0)
    for _ in range(10_000):
        architecture = space.sample(rng)
        search.learn(architecture, float(sum(architecture.values())))
    search.propose()
    times = []
    for _ in range(20):
        started = time.process_time()
        trial = search.ask()
        times.append(time.process_time() - started)
        search.tell(trial, float(sum(trial.architecture.values())))
    assert np.median(times) < 0.005


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("reinforce", {"batch": 0}, "batch is 0; use a whole number, 1 or more"),
        ("reinforce", {"rate": -1.0}, "rate is -1.0; use 0 or more"),
        ("reinforce", {"decay": 1.0}, "decay is 1.0; use 0 or more, and less than 1"),
        ("reinforce", {"staleness": -1}, "staleness is -1; use 0 or more"),
        ("ppo", {"epochs": 0}, "epochs is 0; use 1 or more"),
        ("ppo", {"clip": 0.0}, "clip is 0.0; use more than 0"),
        ("ppo", {"rate": float("nan")}, "rate is nan; use 0 or more"),
    ],
)
def test_options_out_of_range_are_named(name, options, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        make_strategy(name, options)
