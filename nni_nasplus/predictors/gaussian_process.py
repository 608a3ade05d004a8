"""A Gaussian process over architectures, with a relevance for every decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve
from scipy.optimize import minimize

from nni_nasplus.predictors.columns import ColumnPredictor
from nni_nasplus.predictors.features import Prior
from nni_nasplus.predictors.schedule import due_after
from nni_nasplus.predictors.whitening import Whitening
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["GaussianProcess"]

# Warped utilities have mean 0 and variance 1: beside 10 the mean is all but unknown, and the matrix is still well
# conditioned.
_MEAN_VARIANCE = 10.0
# Keeps the Cholesky decomposition from failing on architectures that are alike; far below any noise of a training.
_JITTER = 1e-6
# Samples have no noise of a training on their diagonal, so that rounding weighs more: 1 % of a deviation, which tells
# no two candidates apart.
_SAMPLE_JITTER = 1e-4
# Stops a search that creeps; those of the parameters' size usually converge before.
_ITERATIONS = 50
# Each step of the search takes time with the cube of it: with 300 the slowest proposal takes a quarter of a second. The
# latest, since these lie where the search has come to.
_SEARCH_ROWS = 300


class _Prior(NamedTuple):
    """Of the logarithm of a kernel parameter: normal."""

    mean: float
    std: float


# Wide, each a factor of e^std up and down: they decide while results are few. An ordinary relevance leaves
# architectures that differ in every decision a covariance of a third (distance 2 · 0.6, counts aside), and a deviation
# of 2 lets a decision be all or nothing. Noise has a twentieth of the variance, since warped utilities vary mostly by
# architecture.
_RELEVANCE = _Prior(float(np.log(0.6)), 2.0)
_VARIANCE = _Prior(0.0, 1.0)
_NOISE = _Prior(-3.0, 1.5)


class GaussianProcess(ColumnPredictor):
    """Gaussian process whose kernel is a weighted Hamming distance with one relevance for each decision.

    k(a, b) = v · exp(−Σ_g w_g ‖a_g − b_g‖²) + 10, where a_g are the columns of group g. For a decision they are its
    one-hot code, divided by the root of the number of active decisions: different choices count twice as much as a
    choice and an inactive decision, and where neither architecture has the decision it does not count. Groups of counts
    ("how many convolutions") let one decision teach others like it. The constant stands for the unknown mean.

    Relevances w, variance v and noise are those of greatest posterior density: marginal likelihood (Rasmussen and
    Williams, *Gaussian Processes for Machine Learning*, Eq. 5.8) times log-normal priors. They are sought anew for
    each of the first 64 results, and then whenever there are 10 % more, on the latest 300.
    """

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        groups = self.featurizer.groups
        self._member = np.eye(int(groups.max(initial=-1)) + 1)[groups]
        priors = [_RELEVANCE] * self._member.shape[1] + [_VARIANCE, _NOISE]
        self._prior_mean, self._prior_std = (np.array(column) for column in zip(*priors, strict=True))
        self._searched: tuple[list[Architecture], np.ndarray] = [], np.zeros(0)
        self._set(self._prior_mean)
        self._learn([], np.zeros(0))

    def fit(self, architectures: Sequence[Architecture], utilities: np.ndarray) -> None:
        """Learn from finished trials; see :meth:`Predictor.fit`."""
        due = due_after(len(utilities))
        known, reached = list(architectures[:due]), utilities[:due].copy()
        if known != self._searched[0] or not np.array_equal(reached, self._searched[1]):
            latest = known[-_SEARCH_ROWS:]
            targets = self.scale_of(known, reached)(latest, reached[-_SEARCH_ROWS:])
            self._search(self.featurizer(latest), targets)
            self._searched = known, reached
        super().fit(architectures, utilities)

    @property
    def noise(self) -> float:
        """Standard deviation of one training around the expected utility."""
        return float(np.sqrt(self._noise_variance))

    @property
    def relevances(self) -> np.ndarray:
        """w, by group; float [groups]."""
        return np.exp(self._parameters[:-2])

    def _search(self, features: np.ndarray, targets: np.ndarray) -> None:
        found = minimize(
            self._loss,
            self._prior_mean,
            args=(features, targets),
            jac=True,
            method="L-BFGS-B",
            bounds=list(
                zip(self._prior_mean - 5 * self._prior_std, self._prior_mean + 5 * self._prior_std, strict=True)
            ),
            options={"maxiter": _ITERATIONS},
        )
        self._set(found.x)

    def _loss(self, parameters: np.ndarray, features: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
        """Negative log posterior density of the kernel's parameters, and its gradient."""
        relevance = np.exp(self._member @ parameters[:-2])
        variance, noise = np.exp(parameters[-2:])
        scaled = features * np.sqrt(relevance)
        kernel = variance * np.exp(_nearness(scaled, scaled))
        noisy = kernel + _MEAN_VARIANCE
        noisy[np.diag_indices_from(noisy)] += noise + _JITTER
        lower = np.linalg.cholesky(noisy)
        inverse = cho_solve((lower, True), np.eye(len(targets)), check_finite=False)
        alpha = inverse @ targets
        slope = np.outer(alpha, alpha) - inverse
        weighted = slope * kernel
        spread = (features**2).T @ weighted.sum(1) - np.einsum("ic,ic->c", features, weighted @ features)
        gradient = np.empty_like(parameters)
        gradient[:-2] = self._member.T @ (spread * relevance)
        gradient[-2] = -0.5 * weighted.sum()
        gradient[-1] = -0.5 * noise * np.trace(slope)
        away = (parameters - self._prior_mean) / self._prior_std
        loss = 0.5 * targets @ alpha + np.log(np.diag(lower)).sum() + 0.5 * away @ away
        return float(loss), gradient + away / self._prior_std

    def _set(self, parameters: np.ndarray) -> None:
        self._parameters = parameters
        self._root = np.sqrt(np.exp(self._member @ parameters[:-2]))
        self._variance, self._noise_variance = np.exp(parameters[-2:])
        self._whitening = Whitening.none(len(self._root))

    def _fit(self, features: np.ndarray, targets: np.ndarray) -> None:
        self._whitening = self._whitening.of(features * self._root, self._kernel, self._noise_variance + _JITTER)
        self._whitened = self._whitening(targets[:, None])[:, 0]

    def _kernel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        kernel = _nearness(a, b)
        np.exp(kernel, out=kernel)
        kernel *= self._variance
        kernel += _MEAN_VARIANCE
        return kernel

    def _posterior(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scaled features, mean, and the part of the training covariance's root that explains them."""
        scaled = features * self._root
        covariance = self._kernel(self._whitening.rows, scaled)
        explained = self._whitening(covariance)
        return scaled, explained.T @ self._whitened, explained

    def _predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, mean, explained = self._posterior(features)
        variance = self._variance + _MEAN_VARIANCE - np.einsum("nm,nm->m", explained, explained)
        return mean, np.sqrt(np.maximum(variance, _JITTER))

    def _sample(self, features: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        scaled, mean, explained = self._posterior(features)
        covariance = self._kernel(scaled, scaled) - explained.T @ explained
        covariance[np.diag_indices_from(covariance)] += _SAMPLE_JITTER * self._variance
        return mean + rng.standard_normal((count, len(mean))) @ np.linalg.cholesky(covariance).T


def _nearness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances of every row of ``a`` to every row of ``b``, with their sign turned."""
    # In place: new arrays of this size are given back to the system and fetched again, which takes as long as exp.
    squares: np.ndarray = (a * a).sum(1)[:, None] + (b * b).sum(1)
    nearness: np.ndarray = (2.0 * a) @ b.T
    nearness -= squares
    return np.minimum(nearness, 0.0, out=nearness)
