"""Search by a score alone that needs no training."""

from __future__ import annotations

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.predictors.features import Prior
from nni_nasplus.space import Architecture, SearchSpace
from nni_nasplus.strategy import Direction, Feasible, Proposal, Strategy

__all__ = ["TrainingFree"]

_SPARE = 20
"""Pools in vain, beyond one for each proposal, before random search takes over."""


class TrainingFree(Strategy):
    """Propose the architecture that a score ranks first among random ones, then the second, and so on.

    Results of training are not used. When a pool is used up the next one is drawn.

    Parameters
    ----------
    prior
        The score, higher for better whatever the search's direction, such as
        :class:`~nni_nasplus.scores.prior.ScorePrior`; NaN for the worst.
    pool
        How many architectures are drawn and scored at a time, at least 1; the whole space where it has no more.

    Raises
    ------
    UserError
        If ``pool`` is out of range.
    """

    def __init__(
        self,
        space: SearchSpace,
        *,
        prior: Prior,
        seed: int = 0,
        direction: Direction = "maximize",
        feasible: Feasible | None = None,
        pool: int = 100,
    ) -> None:
        super().__init__(space, seed=seed, direction=direction, feasible=feasible)
        if pool < 1:
            raise UserError(f"pool is {pool}; use 1 or more")
        self.prior = prior
        self.pool = pool
        self._drawn = 0
        self._ranked: list[Architecture] = []

    def _propose(self, rng: np.random.Generator) -> Proposal:
        """Pools are numbered, and what is in one is a function of its number: a restored strategy finds its place."""
        while self._drawn <= self._asked + _SPARE:
            while self._ranked:
                if self.admits(architecture := self._ranked.pop()):
                    return Proposal(architecture, "score")
            self._ranked = self._best_last(self._draw(self._drawn))
            self._drawn += 1
        return self._random(rng)

    def _draw(self, number: int) -> list[Architecture]:
        if self.space.size is not None and self.space.size <= self.pool:
            return list(self.space) if number == 0 else []
        rng = np.random.default_rng([self.seed, number, self.pool])
        return [self.space.sample(rng) for _ in range(self.pool)]

    def _best_last(self, drawn: list[Architecture]) -> list[Architecture]:
        """Those that may be proposed, in ascending order of their scores."""
        distinct = {self.space.key(architecture): architecture for architecture in drawn if self.admits(architecture)}
        kept = list(distinct.values())
        scores = np.array([self.prior(architecture) for architecture in kept])
        return [kept[i] for i in np.argsort(np.nan_to_num(scores, nan=-np.inf), kind="stable")]
