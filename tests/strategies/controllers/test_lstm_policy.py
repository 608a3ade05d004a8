"""Controllers whose policy is an LSTM."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from landscapes import GRID, score

from nni_nasplus import History, Outcome, Proposal, Search, SearchSpace, UserError
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies.controllers.lstm_policy import LstmPolicy

CONDITIONAL = SearchSpace(
    {"op": ["conv", "attention", "pool"], "heads": [1, 2, 4], "wide": [False, True], "norm": ["a", "b"]},
    {"heads": {"op": ["attention"]}, "wide": {"op": ["attention", "conv"]}, "norm": {"heads": [2, 4], "wide": [True]}},
)
BOTH = pytest.mark.parametrize("name", ["reinforce", "ppo"])


def policy_of(seed=0, spread=0.3):
    """A policy of random weights."""
    policy = LstmPolicy(CONDITIONAL)
    policy.move(spread * np.random.default_rng(seed).normal(size=policy.weights.shape))
    return policy


def test_the_probabilities_of_all_architectures_add_up_to_one():
    policy = policy_of()
    assert np.exp(policy.log_probability(policy.encode(list(CONDITIONAL)))).sum() == pytest.approx(1.0, abs=1e-12)


def test_architectures_are_drawn_as_often_as_the_policy_says():
    policy, count = policy_of(), 20_000
    codes = policy.encode(list(CONDITIONAL))
    seen = (policy.sample(np.random.default_rng(0), count)[:, None] == codes).all(-1)
    assert seen.any(1).all(), "every draw is canonical"
    shares = np.exp(policy.log_probability(codes))
    assert np.abs(seen.mean(0) - shares).max() < 4 * np.sqrt(shares.max() / count)


def test_what_is_decided_depends_on_what_was_decided_before():
    """Of the choice of a width, given attention and given a convolution."""
    policy = policy_of()
    drawn = policy.sample(np.random.default_rng(0), 20_000)
    wide = [(drawn[drawn[:, 0] == op][:, 2] == 1).mean() for op in (0, 1)]
    assert abs(wide[0] - wide[1]) > 0.05


def test_the_gradient_is_that_of_finite_differences():
    policy = policy_of()
    codes, weights = policy.sample(np.random.default_rng(1), 5), np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    found, direction = policy.gradient(codes, weights), np.random.default_rng(2).normal(size=policy.weights.shape)
    step = 1e-6 * direction
    policy.move(step)
    above = weights @ policy.log_probability(codes)
    policy.move(-2 * step)
    below = weights @ policy.log_probability(codes)
    assert found @ direction == pytest.approx((above - below) / 2e-6, rel=1e-5)


@BOTH
def test_a_restored_history_goes_on_to_the_last_bit(name):
    strategy = make_strategy(name, {"policy": "lstm", "batch": 4})
    search, rng, flying = Search(GRID, strategy, seed=5), np.random.default_rng(5), []
    for _ in range(40):
        flying.append(search.ask())
        if len(flying) == 7:
            done = flying.pop(rng.integers(7))
            search.tell(done, score(done.architecture))
    again = History(GRID)
    for trial in search.history.trials:
        again.ask(Proposal(trial.architecture, trial.origin))
    for told in search.history.observations:
        again.tell(again.trial_of(told.architecture).number, Outcome(score=told.utility))
    ours, restored = strategy.learner(search.history), strategy.learner(again)
    for learner in (ours, restored):
        learner.catch_up()
    assert ours.version == restored.version == 8
    assert np.array_equal(ours.policy.weights, restored.policy.weights)
    rngs = np.random.default_rng(7), np.random.default_rng(7)
    assert strategy.propose(search.history, rngs[0]) == strategy.propose(again, rngs[1])


def test_torch_is_imported_by_those_alone_who_ask_for_it():
    code = """
import sys
from nni_nasplus import SearchSpace, Search
from nni_nasplus.search.strategy import make_strategy
space = SearchSpace({"a": [0, 1, 2]})
Search(space, make_strategy("ppo", {})).ask()
assert "torch" not in sys.modules
Search(space, make_strategy("ppo", {"policy": "lstm"})).ask()
assert "torch" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("policy", ["gru", 3])
def test_a_policy_that_is_none_is_named(policy):
    with pytest.raises(UserError, match=f"^policy is {policy}; use softmax or lstm$"):
        make_strategy("ppo", {"policy": policy})
