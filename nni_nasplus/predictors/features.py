"""The columns that predictors learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.space import Architecture, SearchSpace

__all__ = ["Featurizer", "Prior"]

Prior = Callable[[Architecture], float]
_REFERENCE = 256


class Featurizer:
    """The features of a space, and a prior's opinion beside them.

    Parameters
    ----------
    space
        Gives features and their groups.
    prior
        Anything cheap that says something of an architecture before it is trained: its parameter count, a
        training-free score. It becomes a feature of its own, whose relevance the predictor finds; the sign and
        scale do not matter. Called for some hundreds of architectures a proposal.

    Raises
    ------
    UserError
        If the prior is not finite for some architecture.
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
            self._center, self._spread = float(np.median(reference)), float(reference.std() or 1.0)

    def __call__(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Features of canonical architectures; float [architectures, features]."""
        features = self.space.features(architectures)
        if self.prior is None:
            return features
        opinion = (self._opinions(architectures) - self._center) / self._spread
        return np.column_stack([features, np.sqrt(0.5) * opinion])

    def _opinions(self, architectures: Sequence[Architecture]) -> np.ndarray:
        assert self.prior is not None
        opinions = np.array([self.prior(architecture) for architecture in architectures], dtype=float)
        if not np.isfinite(opinions).all():
            wrong = architectures[int(np.flatnonzero(~np.isfinite(opinions))[0])]
            raise UserError(f"the prior is {self.prior(wrong)} for {wrong}; it must be a finite number")
        return opinions
