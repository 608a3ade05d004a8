"""What is common to predictors whose uncertainty is how far their members disagree."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from nni_nasplus.predictors.base import Predictor
from nni_nasplus.search.space import Architecture

__all__ = ["EnsemblePredictor"]

# Where all members agree nothing is uncertain; expected improvement divides by the deviation.
_LEAST = 1e-6


class EnsemblePredictor(Predictor):
    """A predictor of several members, each of which is one view of the search.

    Mean and deviation are over the members. A sample is the mean plus a combination of the members' deviations from it
    with standard normal weights: one function on all architectures, and for each of them a draw from the normal
    distribution of that mean and deviation. To draw a member would give as many functions as there are members.
    """

    @abstractmethod
    def _members(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """What every member predicts, in warped units; float [members, architectures], two members or more."""

    def predict(self, architectures: Sequence[Architecture]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the expected utility; see :meth:`Predictor.predict`."""
        members = self._members(architectures)
        return members.mean(0), members.std(0, ddof=1) + _LEAST

    def sample(self, architectures: Sequence[Architecture], count: int, rng: np.random.Generator) -> np.ndarray:
        """Coherent samples; see :meth:`Predictor.sample`."""
        members = self._members(architectures)
        weights = rng.standard_normal((count, len(members))) / np.sqrt(len(members) - 1)
        return members.mean(0) + weights @ (members - members.mean(0))
