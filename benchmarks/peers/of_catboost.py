"""The search of SeqNAS: one CatBoost, independent Thompson sampling over candidates."""

from __future__ import annotations

import numpy as np
from catboost import CatBoostRegressor, Pool

from nni_nasplus.replay.replay import Table
from nni_nasplus.search.space import Architecture

from .base import Peer, Suggestion

__all__ = ["catboost", "catboost_pool"]

_ITERATIONS, _ENSEMBLES = 100, 5


class CatBoostBananas(Peer):
    """``init`` random rows, then of ``candidates`` random untried rows the ``step`` best draws of N(mean, std).

    The predictor as the authors set it: 100 iterations of mean absolute error with posterior sampling, mean and
    standard deviation over 5 virtual ensembles. They want a high score; a loss is negated.

    Parameters
    ----------
    candidates
        None for all untried rows.
    """

    def __init__(self, table: Table, seed: int, init: int, candidates: int | None, step: int) -> None:
        super().__init__(table, seed)
        self._seed, self._init, self._candidates, self._step = seed, init, candidates, step
        self._sign = 1.0 if table.direction == "maximize" else -1.0
        encode = table.encode or table.pool.encode
        self._codes = np.array([encode(architecture) for architecture in table.pool])
        self._queue = self._untried(init)

    def _untried(self, count: int | None) -> list[int]:
        order = self.rng.permutation(np.flatnonzero(~self._tried))
        return order[:count].tolist()

    def _suggest(self) -> Suggestion:
        if not self._queue:
            self._queue = self._chosen()
        return Suggestion(self.table.pool.take([self._queue.pop(0)])[0])

    def _chosen(self) -> list[int]:
        known = [row for row, score in self._scores.items() if score is not None]
        candidates = self._untried(self._candidates)
        if len(known) < 2:
            return candidates[: self._step]
        targets = [self._sign * float(self._scores[row] or 0.0) for row in known]
        model = CatBoostRegressor(
            iterations=_ITERATIONS,
            loss_function="MAE",
            posterior_sampling=True,
            random_seed=self._seed,
            thread_count=1,
            verbose=False,
            allow_writing_files=False,
        )
        model.fit(Pool(self._codes[known], targets))
        draws = model.virtual_ensembles_predict(
            self._codes[candidates], prediction_type="VirtEnsembles", virtual_ensembles_count=_ENSEMBLES, thread_count=1
        )[:, :, 0]
        thompson = self.rng.normal(draws.mean(axis=1), draws.std(axis=1))
        return [candidates[i] for i in np.argsort(-thompson)[: self._step]]

    def _learn(self, suggestion: Suggestion, architecture: Architecture, score: float | None) -> None:
        pass


def catboost(
    table: Table, seed: int, budget: int, init: int = 100, candidates: int = 100, step: int = 15
) -> CatBoostBananas:
    """As the authors configured it."""
    return CatBoostBananas(table, seed, init, candidates, step)


def catboost_pool(table: Table, seed: int, budget: int, init: int = 10, step: int = 10) -> CatBoostBananas:
    """The same predictor over every untried row, after fewer random ones."""
    return CatBoostBananas(table, seed, init, None, step)
