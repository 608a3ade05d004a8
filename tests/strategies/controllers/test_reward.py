"""MnasNet's reward: a score and a cost as one number, which controllers climb."""

from __future__ import annotations

import numpy as np
import pytest
from landscapes import GRID, score

from nni_nasplus import Outcome, Search, UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Observation
from nni_nasplus.strategies.controllers.ppo import Ppo
from nni_nasplus.strategies.controllers.reinforce import Reinforce
from nni_nasplus.strategies.controllers.reward import rewarded

TIMED = History(GRID, costs=["latency_ms"])


def reward(score, latency, *, hard, target=80.0):
    return rewarded(Observation({}, score, None, {"latency_ms": latency}), TIMED, target, hard=hard)


def cost(architecture):
    return 1.0 + sum(architecture.values())


def costs_at_the_end(strategy):
    search = Search(GRID, strategy, seed=0, costs=["size"] if strategy.target else [])
    for _ in range(400):
        trial = search.ask()
        search.tell(trial, Outcome(score=1 + score(trial.architecture), metrics={"size": cost(trial.architecture)}))
    return np.mean([cost(trial.architecture) for trial in search.history.trials[-100:]])


def test_a_soft_reward_takes_five_per_cent_more_accuracy_for_twice_the_latency():
    """How the paper chooses w (section 3)."""
    assert reward(0.5 * 1.05, 160.0, hard=False) == pytest.approx(reward(0.5, 80.0, hard=False), rel=2e-3)
    assert reward(0.5, 40.0, hard=False) > reward(0.5, 80.0, hard=False) == pytest.approx(0.5)


def test_a_hard_reward_is_the_score_up_to_the_target_and_falls_as_the_latency_grows_beyond():
    assert reward(0.5, 40.0, hard=True) == reward(0.5, 80.0, hard=True) == 0.5
    assert reward(0.5, 160.0, hard=True) == pytest.approx(0.25)


def test_without_a_target_the_reward_is_the_score_and_a_failure_has_none():
    assert reward(0.5, 160.0, hard=True, target=0.0) == 0.5
    assert reward(None, 160.0, hard=True) is None


@pytest.mark.parametrize("kind", [Reinforce, Ppo])
def test_controllers_learn_to_cost_less_with_a_target(kind):
    rate = {Reinforce: 0.1, Ppo: 0.3}[kind]
    assert costs_at_the_end(kind(rate=rate, target=4.0, hard=True)) < costs_at_the_end(kind(rate=rate)) - 1


def test_a_target_needs_a_cost_and_a_score_that_is_to_be_large():
    architecture = GRID.sample(np.random.default_rng(0))
    for search, says in (
        (Search(GRID, Reinforce(target=1.0)), "of which there is none; name one, as in --objectives"),
        (Search(GRID, Reinforce(target=1.0), direction="minimize", costs=["size"]), "of which more is better"),
    ):
        search.tell(search.ask(), Outcome(score=1.0, metrics={"size": cost(architecture)}))
        with pytest.raises(UserError, match=says):
            search.ask()
    with pytest.raises(UserError, match="Reinforce searches for the score alone"):
        Search(GRID, Reinforce(), costs=["size"])
    with pytest.raises(UserError, match="target is -1"):
        Reinforce(target=-1.0)
