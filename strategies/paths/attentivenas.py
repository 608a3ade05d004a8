"""AttentiveNAS: which paths a step trains is worth attention (Wang et al., arXiv 2011.09011)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from nni_nasplus import registry
from nni_nasplus.networks.cost import count_flops
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.one_shot.paths import drawn_genes
from nni_nasplus.predictors.base import Predictor
from nni_nasplus.search.space import Architecture, SearchSpace
from nni_nasplus.strategies.paths.bignas import BigNAS
from nni_nasplus.strategies.paths.sandwich import unregularised

__all__ = ["AttentiveNAS"]

_POOL, _KNOWN = 5, 6
"""Words in seeds."""
_SCORED = "scored"
_PREDICTOR = "forest"
"""A random forest, as the authors'."""


class AttentiveNAS(BigNAS):
    """As BigNAS, but the random paths of a step are the best, or the worst, of some that cost alike.

    For each of them a bin of FLOPs is drawn, as often as uniform paths are in it, then candidates of that bin. Trained
    is the one of least loss on the batch of the step (``best``, BestUp, which pushes the front), or of most (``worst``,
    WorstUp, which lifts what is behind). By a predictor a random forest says so instead: it learns from the inherited
    losses of ``known`` paths when the share ``warm_up`` of the epochs is over, until when paths are uniform. The bins
    are of a pool of uniform paths that each epoch draws anew, where the authors draw of factorised distributions that
    were learned beforehand.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(BigNAS.Options):
        """Those of AttentiveNAS.

        Parameters
        ----------
        up
            ``best`` or ``worst``.
        by
            The ``loss`` on the batch, or a ``predictor``.
        candidates
            k: of so many the one is taken.
        bins, pool
            Into how many equal parts FLOPs are divided, from the least to the most of the pool, and its paths.
        known, warm_up
            Of the predictor: what it learns from, and after which share of the epochs, in [0, 1].
        """

        up: Literal["best", "worst"] = "best"
        by: Literal["loss", "predictor"] = "loss"
        candidates: int = 3
        bins: int = 20
        pool: int = 100
        known: int = 200
        warm_up: float = 0.2

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("candidates", "bins", "pool", "known")
            self._require("warm_up", 0 <= self.warm_up <= 1, "0 to 1, a share of the epochs")

    options: Options
    decisions: SearchSpace
    example: Any
    predictor: Predictor | None = None
    bins: tuple[int, list[list[Architecture]]] = (-1, [])
    """Of which epoch, and by path of the pool all that are in its bin."""

    @classmethod
    def of(cls, space: NetworkSpace, evaluator: Any, **settings: Any) -> Any:
        """The search of a space."""
        search = super().of(space, evaluator, **settings)
        search.decisions, search.example = space.search_space, space.example()
        return search

    def middle(self, batch: Any) -> list[Architecture]:
        """Attentive paths (algorithm 1 of the paper)."""
        if self.options.by == "predictor" and self.epoch < self._first:
            return super().middle(batch)
        rng = self.step_rng()
        return [self._attentive(batch, rng) for _ in range(self.options.paths)]

    @property
    def _first(self) -> int:
        """The first epoch, counted from 0, whose paths a predictor says."""
        return max(1, round(self.options.warm_up * self.epochs))

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Score what the predictor learns from, where it begins with the next epoch; after the last one search."""
        if self.options.by == "predictor" and self.epoch == self._first and not self.is_over:
            paths = self._uniform_paths(_KNOWN, self.options.known)
            self.memory[_SCORED] = [(path, self.inherited(path, self.options.batches)) for path in paths]
        super().epoch_ends(batch)

    def _attentive(self, batch: Any, rng: np.random.Generator) -> Architecture:
        """The best, or the worst, of k candidates of a bin."""
        bins = self._bins()
        alike = bins[rng.integers(len(bins))]
        candidates = [alike[i] for i in rng.permutation(len(alike))[: self.options.candidates]]
        losses = self._predicted(candidates) if self.options.by == "predictor" else self._losses_of(candidates, batch)
        return candidates[int(np.argmin(losses) if self.options.up == "best" else np.argmax(losses))]

    def _losses_of(self, candidates: list[Architecture], batch: Any) -> list[float]:
        losses = []
        for path in candidates:
            with torch.no_grad(), self.supernet.only(path), unregularised(self.supernet):
                losses.append(float(self.loss(batch, None)))
        return losses

    def _bins(self) -> list[list[Architecture]]:
        """For each path of this epoch's pool all that are in its bin: a bin is as likely as it is full."""
        if self.bins[0] != self.epoch:
            assert self.build is not None
            pool = self._uniform_paths(_POOL, self.options.pool)
            with torch.random.fork_rng(devices=[]):
                costs = np.array([count_flops(self.build(path), self.example) for path in pool], dtype=float)
            width = max(1.0, np.ptp(costs)) / self.options.bins
            numbers = np.minimum((costs - costs.min()) // width, self.options.bins - 1)
            alike = [[path for path, other in zip(pool, numbers, strict=True) if other == own] for own in numbers]
            self.bins = self.epoch, alike
        return self.bins[1]

    def _uniform_paths(self, word: int, count: int) -> list[Architecture]:
        rng = np.random.default_rng([self.seed, word, self.epoch])
        return [self.supernet.derive(drawn_genes(self.supernet, rng)) for _ in range(count)]

    def _predicted(self, candidates: list[Architecture]) -> list[float]:
        """Losses as the predictor says, which is made when it is first asked, of what checkpoints keep."""
        if self.predictor is None:
            paths, losses = zip(*self.memory[_SCORED], strict=True)
            self.predictor = registry.load("predictors", _PREDICTOR)(self.decisions, seed=self.seed)
            self.predictor.fit(list(paths), -np.array(losses))
        return (-self.predictor.predict(candidates)[0]).tolist()
