"""The columns that predictors learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.predictors.memo import Memo
from nni_nasplus.search.decisions.coded import Coded
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["Featurizer", "Prior"]

Prior = Callable[[Sequence[Architecture]], Sequence[float] | np.ndarray]
"""What is known of canonical architectures before they are trained: a number of each."""

# The standard deviation of as many opinions is known to about 5 %, and a prior that takes a millisecond for each takes
# a quarter of a second before the first trial.
_REFERENCE = 256
# Of 256 from a normal distribution none is so far away: what is clipped are outliers, such as a score of minus
# infinity, which would take the scale of the column from all others.
_FARTHEST = 5.0
# What a prior says of an architecture may depend in its last bits on which others it is asked of at the same time, as a
# Gaussian process's does, and the last bit decides between candidates that are as good as each other. Rounded, a row is
# a function of its architecture, and a search that is resumed goes on as it would have.
_DIGITS = 9


class Featurizer:
    """The features of a space, and a prior's opinion beside them; rows are remembered.

    Parameters
    ----------
    space
        Gives features and their groups.
    prior
        Anything cheap that says something of architectures before they are trained: their parameter counts, what is
        expected of a proxy (:class:`~nni_nasplus.predictors.proxy_prior.ProxyPrior`). It becomes a
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
        self._rows = Memo(self._described)
        self._center, self._spread = 0.0, 1.0
        if prior is not None:
            rng = np.random.default_rng(0)
            reference = self._opinions([space.sample(rng) for _ in range(_REFERENCE)])
            if len(finite := reference[np.isfinite(reference)]):
                self._center, self._spread = float(np.median(finite)), float(finite.std() or 1.0)

    def __call__(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Features of canonical architectures; float [architectures, features]."""
        is_quick = self.prior is None and isinstance(architectures, Coded)
        return self._described(architectures) if is_quick else self._rows(architectures)

    def _described(self, architectures: Sequence[Architecture]) -> np.ndarray:
        features = self.space.features(architectures)
        if self.prior is None:
            return features
        opinion = ((self._opinions(architectures) - self._center) / self._spread).round(_DIGITS)
        return np.column_stack([features, np.sqrt(0.5) * opinion.clip(-_FARTHEST, _FARTHEST)])

    def _opinions(self, architectures: Sequence[Architecture]) -> np.ndarray:
        assert self.prior is not None
        opinions = np.asarray(self.prior(architectures), dtype=float)
        if np.isnan(opinions).any():
            wrong = architectures[int(np.flatnonzero(np.isnan(opinions))[0])]
            raise UserError(f"the prior is nan for {wrong}; it must be a number")
        return opinions
