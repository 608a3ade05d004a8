"""The columns that predictors learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["Featurizer", "Prior"]

Prior = Callable[[Sequence[Architecture]], Sequence[float] | np.ndarray]
"""What is known of canonical architectures before they are trained: a number of each."""
_REFERENCE = 256
_FARTHEST = 5.0


class Featurizer:
    """The features of a space, and a prior's opinion beside them.

    Parameters
    ----------
    space
        Gives features and their groups.
    prior
        Anything cheap that says something of architectures before they are trained: their parameter counts, what is
        expected of a training-free score (:class:`~nni_nasplus.predictors.score_prior.ScorePrior`). It becomes a
        feature of its own, whose relevance the predictor finds; the sign and scale do not matter. Opinions are
        taken in standard deviations of those of random architectures, infinite ones and others farther than 5 as 5.
        Called with some hundreds of architectures a proposal.

    Raises
    ------
    UserError
        If the prior is NaN for some architecture: it has no opinion, and none can be made up.
    """

    def __init__(self, space: SearchSpace, prior: Prior | None = None) -> None:
        self.space = space
        self.prior = prior
        groups = space.feature_groups
        self.groups = groups if prior is None else np.append(groups, groups.max(initial=-1) + 1)
        self._center, self._spread = 0.0, 1.0
        if prior is not None:
            rng = np.random.default_rng(0)
            reference = self._opinions([space.sample(rng) for _ in range(_REFERENCE)])
            if len(finite := reference[np.isfinite(reference)]):
                self._center, self._spread = float(np.median(finite)), float(finite.std() or 1.0)

    def __call__(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Features of canonical architectures; float [architectures, features]."""
        features = self.space.features(architectures)
        if self.prior is None:
            return features
        opinion = (self._opinions(architectures) - self._center) / self._spread
        return np.column_stack([features, np.sqrt(0.5) * opinion.clip(-_FARTHEST, _FARTHEST)])

    def _opinions(self, architectures: Sequence[Architecture]) -> np.ndarray:
        assert self.prior is not None
        opinions = np.asarray(self.prior(architectures), dtype=float)
        if np.isnan(opinions).any():
            wrong = architectures[int(np.flatnonzero(np.isnan(opinions))[0])]
            raise UserError(f"the prior is nan for {wrong}; it must be a number")
        return opinions
