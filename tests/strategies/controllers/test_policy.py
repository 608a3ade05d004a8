"""The policy of controllers."""

from __future__ import annotations

import numpy as np
import pytest

from nni_nasplus import SearchSpace
from nni_nasplus.strategies.controllers.coding import INACTIVE
from nni_nasplus.strategies.controllers.policy import SoftmaxPolicy

CONDITIONAL = SearchSpace(
    {"op": ["conv", "attention", "pool"], "heads": [1, 2, 4], "wide": [False, True], "norm": ["a", "b"]},
    {"heads": {"op": ["attention"]}, "wide": {"op": ["attention", "conv"]}, "norm": {"heads": [2, 4], "wide": [True]}},
)
TWO_BY_THREE = SearchSpace({"a": [0, 1, 2], "b": [0, 1, 2]})


def policy_of(space, seed=0, spread=1.0):
    """A policy of random logits."""
    policy = SoftmaxPolicy(space)
    policy.logits = spread * np.random.default_rng(seed).normal(size=policy.logits.shape)
    return policy


def everything(policy, space):
    return policy.encode(list(space))


@pytest.mark.parametrize("space", [CONDITIONAL, TWO_BY_THREE])
def test_the_probabilities_of_all_architectures_add_up_to_one(space):
    policy = policy_of(space)
    assert np.exp(policy.log_probability(everything(policy, space))).sum() == pytest.approx(1.0, abs=1e-12)


def test_architectures_are_drawn_as_often_as_the_policy_says():
    policy, count = policy_of(CONDITIONAL), 40_000
    codes = everything(policy, CONDITIONAL)
    drawn = policy.sample(np.random.default_rng(0), count)
    seen = (drawn[:, None] == codes).all(-1)
    assert seen.any(1).all(), "every draw is canonical"
    shares = np.exp(policy.log_probability(codes))
    assert np.abs(seen.mean(0) - shares).max() < 4 * np.sqrt(shares.max() / count)


def test_a_code_is_an_architecture_and_back():
    policy = SoftmaxPolicy(CONDITIONAL)
    codes = everything(policy, CONDITIONAL)
    assert [policy.decode(code) for code in codes] == list(CONDITIONAL)
    assert (codes == INACTIVE).any()


def test_the_gradient_is_that_of_finite_differences():
    policy = policy_of(CONDITIONAL)
    codes = policy.sample(np.random.default_rng(1), 5)
    weights = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    found, step = policy.gradient(codes, weights), 1e-6
    for i in range(len(policy.logits)):
        policy.logits[i] += step
        above = weights @ policy.log_probability(codes)
        policy.logits[i] -= 2 * step
        below = weights @ policy.log_probability(codes)
        policy.logits[i] += step
        assert found[i] == pytest.approx((above - below) / (2 * step), abs=1e-6)


def test_the_mean_gradient_of_samples_is_that_of_the_expected_reward():
    """The score-function identity, on a space of nine."""
    policy = policy_of(TWO_BY_THREE, spread=0.5)
    codes = everything(policy, TWO_BY_THREE)
    rewards = np.random.default_rng(2).normal(size=9)
    shares = np.exp(policy.log_probability(codes))
    exact = np.zeros(6)
    for i in range(6):
        place, choice = divmod(i, 3)
        inside = codes[:, place] == choice
        expected, chance = shares @ rewards, shares[inside].sum()
        exact[i] = shares[inside] @ rewards[inside] - chance * expected  # ∂ Σ p·r / ∂ logit
    np.testing.assert_allclose(policy.gradient(codes, shares * rewards), exact, atol=1e-12)
    drawn = policy.sample(np.random.default_rng(3), 50_000)
    told = rewards[drawn[:, 0] * 3 + drawn[:, 1]]
    np.testing.assert_allclose(policy.gradient(drawn, told) / len(drawn), exact, atol=4 / np.sqrt(len(drawn)))


def test_heat_makes_draws_uniform():
    policy = policy_of(TWO_BY_THREE, spread=3.0)
    shares = np.exp(policy.log_shares(1000.0))
    np.testing.assert_allclose(shares, 1 / 3, atol=5e-3)
    assert policy.log_shares(1.0).min() < np.log(0.05)
