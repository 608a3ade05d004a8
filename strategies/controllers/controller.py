"""What all controllers share: proposals of a policy, and a policy that is a function of the history."""

from __future__ import annotations

import weakref
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Observation, Proposal, Trial
from nni_nasplus.strategies.controllers.adam import Adam
from nni_nasplus.strategies.controllers.coding import Policy
from nni_nasplus.strategies.controllers.policy import SoftmaxPolicy
from nni_nasplus.strategies.controllers.reward import rewarded

__all__ = ["Batch", "Controller", "Learner"]

_ORIGIN = "policy"
_SOFTMAX, _LSTM = "softmax", "lstm"
# Draws of one temperature, in parts, for mostly the first is new: 200 in all, as before anybody lists what is left.
_DRAWS = (1, 7, 192)
# Above the last one a policy of logits up to ten is as good as uniform.
_TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_POOL = 200


class Batch(NamedTuple):
    """Results that move the policy, in order of telling.

    Parameters
    ----------
    codes
        Of their architectures; int16 [B, D].
    rewards
        Utilities, or with a target MnasNet's rewards, higher for better; a failure has the least of the batch; float
        [B].
    log_old
        log π of each under the policy that proposed it; float [B].
    ages
        How many updates there were since; int [B].
    """

    codes: np.ndarray
    rewards: np.ndarray
    log_old: np.ndarray
    ages: np.ndarray


@dataclass(frozen=True)
class Controller(Strategy):
    """Propose what a policy draws, and move the policy with every ``batch`` results.

    Any number of trials may be in flight. The policy is a function of the results in order of telling, and each trial's
    origin says after how many updates it was drawn, so that a search that is restored goes on exactly. What the policy
    did not propose, such as results from elsewhere, counts as if it had been drawn by the policy as it is.

    No architecture is proposed twice: after 200 draws that were proposed before the logits are divided by 2, then by 4,
    and so on up to 32, for that proposal alone; then proposals are random. Gradients are those of the policy itself.

    Where most combinations of choices are no architecture, as in tables and recipes, a proposal is one of 200 samples
    of the space, drawn in proportion to what the policy has made of their probability.
    """

    rates: ClassVar[Mapping[str, float]]
    """Of Adam, by the policy that it moves."""
    batch: int = 1
    rate: float | None = None
    policy: str = _SOFTMAX
    target: float = 0.0
    hard: bool = False

    @property
    def most_costs(self) -> float:
        """One, where it has a target."""
        return 1 if self.target else 0

    def __post_init__(self) -> None:
        self._require("batch", isinstance(self.batch, int) and self.batch >= 1, "a whole number, 1 or more")
        self._require("rate", self.rate is None or 0 <= self.rate < float("inf"), "0 or more")
        self._require("target", 0 <= self.target < float("inf"), "more than 0, in the unit of the cost, or 0 for none")
        self._require("policy", self.policy in (_SOFTMAX, _LSTM), f"{_SOFTMAX} or {_LSTM}")

    def _require(self, name: str, fits: bool, remedy: str) -> None:
        if not fits:
            raise UserError(f"{name} is {getattr(self, name)}; use {remedy}")

    @property
    def step_size(self) -> float:
        """The rate of Adam."""
        return self.rates[self.policy] if self.rate is None else self.rate

    def policy_of(self, space: SearchSpace) -> Policy:
        """The policy as it is at first; only that of the LSTM imports torch."""
        if self.policy == _SOFTMAX:
            return SoftmaxPolicy(space)
        from nni_nasplus.strategies.controllers.lstm_policy import LstmPolicy

        return LstmPolicy(space)

    @abstractmethod
    def learner(self, history: History) -> Learner:
        """What makes a policy of a history."""

    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """A draw of the policy that is new."""
        learner = _LEARNERS.get(history)
        if learner is None or learner.options != self:
            learner = _LEARNERS[history] = self.learner(history)
        return learner.propose(rng) or history.random(rng)


class Learner:
    """The policy of one history, which catches up with it at every proposal.

    Parameters
    ----------
    options
        The strategy.
    history
        What there is to learn from.

    Attributes
    ----------
    policy
        As it is after :attr:`version` updates.
    adam
        Moves it.
    """

    def __init__(self, options: Controller, history: History) -> None:
        self.options = options
        self.policy = options.policy_of(history.space)
        self.adam = Adam(options.step_size)
        self.version = 0
        self._history = weakref.ref(history)  # else no history would ever be forgotten
        self._seen: set[bytes] = set()
        self._drawn: dict[int, list[bytes]] = {}
        self._log_old: dict[bytes, tuple[int, float]] = {}
        self._worst = np.inf
        self._noted = 0

    @abstractmethod
    def update(self, batch: Batch) -> None:
        """Move the policy by a batch, all of whose rewards are finite."""

    @property
    def history(self) -> History:
        """The history, which is alive while it is asked about."""
        history = self._history()
        assert history is not None
        return history

    def propose(self, rng: np.random.Generator) -> Proposal | None:
        """A new architecture; None for a random one."""
        self.catch_up()
        space = self.history.space
        codes = self._samples(rng) if space.sampled_prior or space.whole is not space else self._draws(rng)
        code = next((code for code in codes if code.tobytes() not in self._seen), None)
        return None if code is None else Proposal(self.policy.decode(code), f"{_ORIGIN} {self.version}")

    def _draws(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Codes that the policy draws, at ever higher temperatures."""
        for temperature in _TEMPERATURES:
            for count in _DRAWS:
                yield from self.policy.sample(rng, count, temperature)

    def _samples(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Codes of samples of the space, in an order drawn by preference (Gumbel's trick, without replacement)."""
        space = self.history.space
        codes = np.unique(self.policy.encode([space.sample(rng) for _ in range(_POOL)]), axis=0)
        yield from codes[np.argsort(-self.policy.log_preference(codes) - rng.gumbel(size=len(codes)))]

    def catch_up(self) -> None:
        """Make the updates that there are results for."""
        trials, size = self.history.trials, self.options.batch
        for trial in trials[self._noted :]:
            self._note(trial)
        self._noted = len(trials)
        observations = self.history.observations
        while len(observations) >= size * (self.version + 1):
            self._settle()
            self._learn(observations[size * self.version : size * (self.version + 1)])
            self.version += 1
        self._settle()

    def _note(self, trial: Trial) -> None:
        """Remember what was proposed, and by which policy."""
        key = self.policy.encode([trial.architecture])[0].tobytes()
        self._seen.add(key)
        word, _, version = trial.origin.partition(" ")
        if word == _ORIGIN and version.isdecimal():
            self._drawn.setdefault(int(version), []).append(key)

    def _settle(self) -> None:
        """Work out log π of what this policy has drawn, before it moves."""
        if keys := self._drawn.pop(self.version, []):
            codes = np.stack([np.frombuffer(key, dtype=np.int16) for key in keys])
            for key, value in zip(keys, self.policy.log_probability(codes).tolist(), strict=True):
                self._log_old[key] = self.version, value

    def _learn(self, observations: list[Observation]) -> None:
        """An update, unless nothing has ever succeeded."""
        rewards = [rewarded(o, self.history, self.options.target, hard=self.options.hard) for o in observations]
        utilities = np.array([np.nan if reward is None else reward for reward in rewards], dtype=float)
        self._worst = min(self._worst, np.min(utilities, initial=np.inf, where=~np.isnan(utilities)))
        codes = self.policy.encode([observation.architecture for observation in observations])
        as_now = self.policy.log_probability(codes).tolist()
        old = [self._log_old.pop(c.tobytes(), (self.version, now)) for c, now in zip(codes, as_now, strict=True)]
        if np.isfinite(self._worst):
            versions, log_old = np.array(old).T
            self.update(Batch(codes, self._filled(utilities), log_old, self.version - versions.astype(int)))

    def _filled(self, utilities: np.ndarray) -> np.ndarray:
        """A failure is as bad as the worst of its batch; where nothing in it has succeeded, of all before."""
        failed = np.isnan(utilities)
        least = self._worst if failed.all() else np.nanmin(utilities)
        return np.where(failed, least, utilities)


_LEARNERS: WeakKeyDictionary[History, Learner] = WeakKeyDictionary()
"""By history: to learn all of it anew at every proposal would take as long as the search is old."""
