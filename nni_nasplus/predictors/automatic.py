"""The predictor that ranks a run's own results best."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
from scipy.stats import kendalltau
from sklearn.model_selection import KFold

from nni_nasplus import registry
from nni_nasplus.predictors.base import Predictor
from nni_nasplus.predictors.features import Prior
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["Automatic"]

# The first is the one until there are enough results; those that a fit takes a second of are left out, since a choice
# takes five fits of each.
_USUAL, _OTHERS = "gp", ("boosting", "forest", "wl")
# Each fit of a choice among 32 sees 25, about as few as an order is learned from; chosen anew when they double.
_ENOUGH, _GROWTH = 32, 2
_FOLDS = 5


class Automatic(Predictor):
    """A Gaussian process, or after 32 results what orders results held back better: forest, boosting, WL kernel.

    Five-fold cross-validation on the first 32, 64, 128, … results; another takes the place of the Gaussian process
    where its Kendall's τ is higher by more than the standard error of the difference over the folds.
    """

    slow = True

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        self.chosen = self._best = _USUAL
        self._inner = self._made(_USUAL)
        self._compared: tuple[list[Architecture], np.ndarray] = [], np.zeros(0)

    @property
    def noise(self) -> float:
        """That of the chosen one."""
        return self._inner.noise

    def fit(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> None:
        """Choose, and have the chosen one learn; see :meth:`Predictor.fit`."""
        chosen = self._choice(architectures, utilities)
        if chosen != self.chosen:
            self._inner, self.chosen = self._made(chosen), chosen
        self._inner.scale_of = self.scale_of
        self._inner.fit(architectures, utilities)
        self._architectures, self._targets = self._inner._architectures, self._inner._targets
        self._warp, self._scale = self._inner._warp, self._inner._scale

    def believe(self, architectures: Sequence[Architecture]) -> Automatic:
        """As the chosen one does; see :meth:`Predictor.believe`."""
        believer = copy(self)
        believer._inner = self._inner.believe(architectures)
        return believer

    def predict(self, architectures: Sequence[Architecture]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the expected utility; see :meth:`Predictor.predict`."""
        return self._inner.predict(architectures)

    def sample(self, architectures: Sequence[Architecture], count: int, rng: np.random.Generator) -> np.ndarray:
        """Coherent samples; see :meth:`Predictor.sample`."""
        return self._inner.sample(architectures, count, rng)

    def _learn(self, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        self._inner._learn(architectures, targets)

    def _made(self, name: str) -> Predictor:
        made: Predictor = registry.load("predictors", name)(self.space, prior=self.prior, seed=self.seed)
        return made

    def _choice(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> str:
        due = _due(len(utilities))
        if due == 0:
            return _USUAL
        first = list(architectures[:due]), utilities[:due]
        if first[0] != self._compared[0] or not np.array_equal(first[1], self._compared[1]):
            self._compared, self._best = first, self._compare(*first)
        return self._best

    def _compare(self, architectures: list[Architecture], utilities: np.ndarray) -> str:
        usual, best, most = self._taus(_USUAL, architectures, utilities), _USUAL, 0.0
        for name in _OTHERS:
            gain = self._taus(name, architectures, utilities) - usual
            certain = gain.mean() - gain.std(ddof=1) / np.sqrt(_FOLDS)
            if certain > 0 and gain.mean() > most:
                best, most = name, gain.mean()
        return best

    def _taus(self, name: str, architectures: list[Architecture], utilities: np.ndarray) -> np.ndarray:
        """Kendall's τ on each fold held back, 0 where there is no order; float [folds]."""
        taus = []
        for known, unknown in KFold(_FOLDS, shuffle=True, random_state=self.seed).split(architectures):
            predictor = self._made(name)
            predictor.scale_of = self.scale_of
            predictor.fit([architectures[row] for row in known], utilities[known])
            held = [architectures[row] for row in unknown]
            taus.append(kendalltau(predictor.predict(held)[0], predictor.targets(held, utilities[unknown])).statistic)
        return np.nan_to_num(taus)


def _due(results: int) -> int:
    """The number of results of the latest choice; 0 before the first."""
    due = _ENOUGH
    while due * _GROWTH <= results:
        due *= _GROWTH
    return due if results >= _ENOUGH else 0
