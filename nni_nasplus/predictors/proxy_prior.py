"""What a proxy says of a whole space, learned from the architectures that it ranked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nni_nasplus.predictors.gaussian_process import GaussianProcess
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["ProxyPrior"]


class ProxyPrior:
    """The rank that a proxy would give to an architecture: a prior for predictors, without the network.

    A Gaussian process on the features of the space learns the ranks of some hundreds of architectures: to compute the
    proxy of each of the hundreds of candidates of a proposal would take longer than to train the one that is proposed.

    Parameters
    ----------
    space
        Gives the features.
    ranking
        What the process learns from; of more than 500 architectures the better half and the last ones
        (:class:`~nni_nasplus.predictors.Predictor`).

    Examples
    --------
    >>> strategy = ThompsonSampling(space, prior=ProxyPrior(space, ranking))
    """

    def __init__(self, space: SearchSpace, ranking: Ranking) -> None:
        self._process = GaussianProcess(space)
        self._process.fit(ranking.architectures, -ranking.ranks / max(1, len(ranking)))

    def __call__(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Return what the proxy is expected to say of canonical architectures.

        Parameters
        ----------
        architectures
            In canonical form.

        Returns
        -------
        np.ndarray
            Higher for better, finite; float [architectures].
        """
        return self._process.predict(architectures)[0]
