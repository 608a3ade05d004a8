"""Search by a zero-cost proxy alone, as random search does in Mellor et al. (arXiv 2006.04647)."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.search.history import History
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.strategy import Strategy
from nni_nasplus.search.trial import Proposal

if TYPE_CHECKING:
    from nni_nasplus.run.run import Run
    from nni_nasplus.training.reporter import Reporter

__all__ = ["TrainingFree"]


@dataclass(frozen=True)
class TrainingFree(Strategy):
    """Propose the architecture that a zero-cost proxy ranks first of a pool, then the second, and so on.

    Results of training are not used. The pool is drawn and ranked in :meth:`presearch`, before the first trial. When it
    is used up, proposals are random.

    Parameters
    ----------
    proxy
        Its name: an entry point of ``nni_nasplus.proxies``.
    pool
        How many random architectures are ranked, at least 1.

    Raises
    ------
    UserError
        If there is no such proxy, or another option is out of range.
    """

    learns: ClassVar[bool] = False
    proxy: str = "naswot"
    pool: int = 100

    def __post_init__(self) -> None:
        registry.require("proxies", self.proxy)
        if operator.index(self.pool) < 1:
            raise UserError(f"pool is {self.pool}; use 1 or more")

    @property
    def presearches(self) -> bool:
        """Always: the pool is what is proposed."""
        return True

    def presearch(self, run: Run, reporter: Reporter | None) -> Ranking:
        """Rank the pool on training data of the run; see :func:`~nni_nasplus.strategies.ranked_pool.ranked_pool`."""
        from nni_nasplus.strategies.ranked_pool import ranked_pool

        return ranked_pool(run, self.proxy, self.pool, reporter)

    def propose(self, history: History, rng: np.random.Generator) -> Proposal:
        """The first of the ranking that was not proposed yet, or a random architecture."""
        return history.first_ranked() or history.random(rng)
