"""Search by a score alone that needs no training."""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.ranking import MOST, Ranking, require_score
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.strategy import Direction, Feasible, Proposal, Strategy

if TYPE_CHECKING:
    from nni_nasplus.run.run import Run
    from nni_nasplus.training.reporter import Reporter

__all__ = ["TrainingFree"]

_SCORE, _POOL = "naswot", 100


class TrainingFree(Strategy):
    """Propose the architecture that a training-free score ranks first of a pool, then the second, and so on.

    Results of training are not used. The pool is drawn and scored in :meth:`prepare`, before the first trial. When it
    is used up, proposals are random.

    Parameters
    ----------
    score
        Its name: one of :data:`~nni_nasplus.search.ranking.DIRECTIONS`.
    pool
        How many random architectures are scored, at least 1; of more than 300 the best 300 are proposed.
    scored
        The pool, as :meth:`~nni_nasplus.search.ranking.Ranking.to_json` writes it; where None, all proposals are
        random.

    Raises
    ------
    UserError
        If there is no such score, or another option is out of range.

    Examples
    --------
    >>> scored = Ranking.of(architectures, scores)
    >>> strategy = TrainingFree(space, scored=scored.to_json(space))
    """

    learns = False

    def __init__(
        self,
        space: SearchSpace,
        *,
        seed: int = 0,
        direction: Direction = "maximize",
        feasible: Feasible | None = None,
        starts: Sequence[Mapping[str, Any]] | None = None,
        score: str = _SCORE,
        pool: int = _POOL,
        scored: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(space, seed=seed, direction=direction, feasible=feasible, starts=starts)
        require_score(score)
        if operator.index(pool) < 1:
            raise UserError(f"pool is {pool}; use 1 or more")
        self._left = deque([] if scored is None else Ranking.from_json(space, scored).architectures)

    @classmethod
    def needs_preparation(cls, run: Run) -> bool:
        """Whether no pool was scored yet."""
        return "scored" not in run.settings["options"]

    @classmethod
    def prepare(cls, run: Run, reporter: Reporter | None = None) -> dict[str, Any]:
        """Score the pool on training data of the run; the options, with the pool.

        Raises
        ------
        UserError
            See :func:`~nni_nasplus.proxies.pool.score_pool`.
        """
        options = super().prepare(run)
        if not cls.needs_preparation(run):
            return options
        from nni_nasplus.proxies.pool import score_pool

        scored = score_pool(run, options.get("score", _SCORE), options.get("pool", _POOL), reporter)
        return {**options, "scored": scored.best(MOST).to_json(run.space.search_space)}

    def _propose(self, rng: np.random.Generator) -> Proposal:
        """What is not admitted now never will be, so a restored strategy finds its place."""
        while self._left:
            if self.admits(architecture := self._left.popleft()):
                return Proposal(architecture, "score")
        return self._random(rng)
