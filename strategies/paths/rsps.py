"""RSPS: random search with parameter sharing (Li and Talwalkar, arXiv 1902.07638)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nni_nasplus.one_shot.options import WeightOptions
from nni_nasplus.one_shot.paths import Paths
from nni_nasplus.search.space import Architecture

__all__ = ["RSPS"]


class RSPS(Paths):
    """Train a new uniform path with every batch; then the best of random paths, by what they inherit.

    Each of ``samples`` paths is scored on a few validation batches, the ``finalists`` best of them on all. Batch norms
    are estimated anew for each path, which the authors do not do.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(WeightOptions):
        """Those of RSPS.

        Parameters
        ----------
        samples
            Paths that are scored; the authors', of cells of DARTS, are 1,000, those of NAS-Bench-201's 100.
        batches
            Of validation, in a score.
        finalists
            Paths that are scored on all of validation.
        """

        samples: int = 100
        batches: int = 10
        finalists: int = 10

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("samples", "batches", "finalists")

    options: Options

    def searched(self, rng: np.random.Generator) -> list[tuple[Architecture, float]]:
        """The finalists by their losses on all of validation, then the others."""
        options = self.options
        drawn, _ = self.first_candidates(rng, options.samples)
        scored = [(architecture, self.inherited(architecture, options.batches)) for architecture, _ in drawn]
        scored.sort(key=lambda pair: pair[1])
        finalists = [one for one, _ in scored[: options.finalists]]
        final = [(one, self.inherited(one, len(self.loaders[1]))) for one in finalists]
        return [*sorted(final, key=lambda pair: pair[1]), *scored[options.finalists :]]
