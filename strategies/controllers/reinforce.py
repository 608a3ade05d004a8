"""REINFORCE (Williams, 1992), as a baseline of NAS-Bench-201 (arXiv 2001.00326) and NATS-Bench (arXiv 2009.00437)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from nni_nasplus.search.history import History
from nni_nasplus.strategies.controllers.controller import Batch, Controller, Learner

__all__ = ["Reinforce"]


@dataclass(frozen=True)
class Reinforce(Controller):
    """Move the policy along (reward − baseline) · ∂log π with every result.

    The baseline is a moving mean of the rewards, its beginning corrected, and takes in a reward before that is compared
    with it, as in NATS-Bench's code; so the first result moves nothing. A result that comes back after the policy has
    moved counts by min(1, π now / π then), and not at all after more than ``staleness`` updates. A failure is as bad as
    the worst of its batch, or of all before.

    Parameters
    ----------
    batch
        Results in an update.
    rate
        Of Adam; by default .01 as in NATS-Bench's code; of an LSTM as much, the best of .001, .003 and .01 on random
        landscapes.
    policy
        ``softmax``, an independent one for each decision, or ``lstm``, which knows what was decided before (NAS-RL,
        arXiv 1611.01578) and needs torch where proposals are made.
    target
        With two objectives what the cost, such as latency_ms, is compared with: MnasNet's reward, score · (cost /
        target)^w, is then in place of the score (arXiv 1807.11626); 0 for the score alone.
    hard
        Whether w is 0 up to the target and −1 beyond it, else −.07 everywhere.
    decay
        Of the moving mean, in [0, 1).
    staleness
        Updates after which a result is dropped.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    rates: ClassVar = MappingProxyType({"softmax": 0.01, "lstm": 0.01})
    batch: int = 1
    rate: float | None = None
    policy: str = "softmax"
    target: float = 0.0
    hard: bool = False
    decay: float = 0.9
    staleness: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("decay", 0 <= self.decay < 1, "0 or more, and less than 1")
        self._require("staleness", self.staleness >= 0, "0 or more")

    def learner(self, history: History) -> Learner:
        """Such a policy."""
        return _Learner(self, history)


class _Learner(Learner):
    """A policy, and the baseline of its rewards."""

    options: Reinforce

    def __init__(self, options: Reinforce, history: History) -> None:
        super().__init__(options, history)
        self._baseline = self._weight = 0.0

    def update(self, batch: Batch) -> None:
        """One step of Adam along the mean of the results."""
        fresh = batch.ages <= self.options.staleness
        if not fresh.any():
            return
        codes = batch.codes[fresh]
        advantages = np.array([self._advantage(reward) for reward in batch.rewards[fresh].tolist()])
        ratios = np.exp(np.minimum(self.policy.log_probability(codes) - batch.log_old[fresh], 0.0))
        self.policy.move(self.adam.step(self.policy.gradient(codes, ratios * advantages) / len(codes)))

    def _advantage(self, reward: float) -> float:
        """How much better a reward is than the baseline with it."""
        new = 1 - self.options.decay
        self._weight = (1 - new) * self._weight + new
        # in this form rewards that are all alike have advantages of 0 to the last bit, which Adam would blow up
        self._baseline += new / self._weight * (reward - self._baseline)
        return reward - self._baseline
