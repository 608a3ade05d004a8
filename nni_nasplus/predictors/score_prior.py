"""What a training-free score says of a whole space, learned from the architectures that were scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nni_nasplus.predictors.gaussian_process import GaussianProcess
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["ScorePrior"]


class ScorePrior:
    """The rank that a score would give an architecture: a prior for predictors, without the network.

    A Gaussian process on the features of the space learns the ranks of some hundreds that were scored: to score
    each of the hundreds of candidates of a proposal would take longer than to train the one that is proposed.

    Parameters
    ----------
    space
        Gives the features.
    scored
        What it learns from, at most 500 (:class:`~nni_nasplus.predictors.Predictor`).

    Examples
    --------
    >>> strategy = ThompsonSampling(space, prior=ScorePrior(space, scored))
    """

    def __init__(self, space: SearchSpace, scored: Ranking) -> None:
        self.space = space
        self._process = GaussianProcess(space.feature_groups)
        self._process.fit(space.features(scored.architectures), -scored.ranks / max(1, len(scored)))

    def __call__(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """What is expected of canonical architectures, higher for better, finite; float [architectures]."""
        return self._process.predict(self.space.features(architectures))[0]
