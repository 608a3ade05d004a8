"""Proximal policy optimisation (Schulman et al., arXiv 1707.06347) of whole architectures."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from nni_nasplus.search.history import History
from nni_nasplus.strategies.controllers.controller import Batch, Controller, Learner

__all__ = ["Ppo"]

# Of log ratios: only a result that comes back very late can have more, and its share would be infinite.
_MOST = 20.0


@dataclass(frozen=True)
class Ppo(Controller):
    """Move the policy several times by each batch, as long as it stays near the one that proposed it.

    The reward comes at the end of an architecture, so there is nothing to discount and no value function: advantages
    are the rewards of the batch, standardised, of which a failure has the least. The ratio of an architecture is its
    probability now to that under the policy that drew it, and one whose ratio has left 1 ± ``clip`` in the direction
    of its advantage moves nothing more (eq. 7). Each epoch is one step of Adam along the mean of the batch.

    The proximal policy search of NNI draws with an LSTM, needs TensorFlow, and waits for the slowest of 20 trials; here
    whichever 20 results come first are the batch.

    Parameters
    ----------
    batch
        Results in an update; NNI's is 20.
    rate
        Of Adam; by default .3, of an LSTM .03. Chosen on random landscapes of six decisions of five choices, of .03, .1
        and .3, and of .003, .01 and .03.
    policy
        ``softmax``, an independent one for each decision, or ``lstm``, which knows what was decided before and needs
        torch where proposals are made.
    target
        With two objectives what the cost, such as latency_ms, is compared with: MnasNet's reward, score · (cost /
        target)^w, is then in place of the score (arXiv 1807.11626); 0 for the score alone.
    hard
        Whether w is 0 up to the target and −1 beyond it, else −.07 everywhere.
    epochs
        Steps with each batch; NNI's is 4 passes.
    clip
        ε of the paper, more than 0.

    Raises
    ------
    UserError
        If an option is out of range.
    """

    rates: ClassVar = MappingProxyType({"softmax": 0.3, "lstm": 0.03})
    batch: int = 20
    rate: float | None = None
    policy: str = "softmax"
    target: float = 0.0
    hard: bool = False
    epochs: int = 4
    clip: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require("epochs", self.epochs >= 1, "1 or more")
        self._require("clip", self.clip > 0, "more than 0")

    def learner(self, history: History) -> Learner:
        """Such a policy."""
        return _Learner(self, history)


class _Learner(Learner):
    """A policy that is moved by the clipped objective."""

    options: Ppo

    def update(self, batch: Batch) -> None:
        """As many steps of Adam as there are epochs."""
        advantages = _standardised(batch.rewards)
        for _ in range(self.options.epochs):
            gradient = self.policy.gradient(batch.codes, self._weights(batch, advantages))
            self.policy.move(self.adam.step(gradient / len(batch.codes)))

    def _weights(self, batch: Batch, advantages: np.ndarray) -> np.ndarray:
        """∂ of the clipped objective by log π; float [B], 0 where it is clipped."""
        ratios = np.exp(np.minimum(self.policy.log_probability(batch.codes) - batch.log_old, _MOST))
        beyond = np.where(advantages > 0, ratios > 1 + self.options.clip, ratios < 1 - self.options.clip)
        return np.where(beyond, 0.0, ratios * advantages)


def _standardised(rewards: np.ndarray) -> np.ndarray:
    """Of mean 0 and variance 1; 0 where all are alike."""
    centred = rewards - rewards.mean()
    spread = centred.std()
    return centred / spread if spread > 0 else np.zeros_like(rewards)
