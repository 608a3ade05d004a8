"""A Gaussian process over graphs: NAS-BOWL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import cho_solve, solve_triangular

from nni_nasplus.predictors.base import Predictor
from nni_nasplus.predictors.features import Prior
from nni_nasplus.predictors.graphs.labelled_graph import GraphReader, LabelledGraph
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["WeisfeilerLehman", "subtrees"]

# The paper chooses among 0 to 3 as well; deeper subtrees occur in one graph each.
_DEPTHS = (0, 1, 2, 3)
# Variances of a training's noise beside the variance 1 of warped utilities: from none that shows to as much as all.
_NOISES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# Far below any noise of a training; keeps graphs that are alike from breaking the decomposition of a sample's.
_JITTER = 1e-6
# A proposal asks for at most 1,500 architectures; those of some proposals fit in.
_REMEMBERED = 4096
Subtrees = list[Counter[int]]
"""How often each subtree of a graph occurs, by depth; subtrees by number."""


class WeisfeilerLehman(Predictor):
    """Gaussian process with a Weisfeiler-Lehman subtree kernel (Ru et al., 2021, arXiv 2006.07556).

    k(G, G′) = ⟨φ(G), φ(G′)⟩ / (‖φ(G)‖ ‖φ(G′)‖), where φ counts how often each subtree of depth 0 to h occurs; a
    subtree is a label and, one level less deep, those of the sources. Depth and noise are those of the greatest
    marginal likelihood on a grid, and the variance is what it is greatest for (Rasmussen and Williams, *Gaussian
    Processes for Machine Learning*, section 5.4). A ``prior`` is left out.
    """

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        self._read = GraphReader(space)
        self._numbers: dict[Any, int] = {}
        self._counted: dict[LabelledGraph, Subtrees] = {}
        self._learn([], np.zeros(0))

    @property
    def noise(self) -> float:
        """Standard deviation of one training around the expected utility."""
        return float(np.sqrt(self._noise * self._variance))

    def predict(self, architectures: Sequence[Architecture]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the expected utility; see :meth:`Predictor.predict`."""
        rows = self._rows(architectures)
        mean, explained = self._explained(rows)
        return mean, np.sqrt(np.maximum(self._variance * (1.0 - (explained**2).sum(0)), _JITTER))

    def sample(self, architectures: Sequence[Architecture], count: int, rng: np.random.Generator) -> np.ndarray:
        """Coherent samples; see :meth:`Predictor.sample`."""
        rows = self._rows(architectures)
        mean, explained = self._explained(rows)
        covariance = self._variance * (_kernel(rows, rows) - explained.T @ explained)
        covariance[np.diag_indices_from(covariance)] += _JITTER * (1.0 + self._variance)
        return mean + rng.standard_normal((count, len(mean))) @ np.linalg.cholesky(covariance).T

    def _learn(self, architectures: Sequence[Architecture], targets: np.ndarray) -> None:
        self._depth, self._noise, self._variance = _DEPTHS[-1], _NOISES[-1], 1.0
        self._center = float(targets.mean()) if len(targets) else 0.0
        centered = targets - self._center
        counted = [self._subtrees(graph) for graph in self._read(architectures)]
        if len(targets):
            found = [self._likelihood(counted, centered, depth, noise) for depth, noise in product(_DEPTHS, _NOISES)]
            _, self._depth, self._noise, self._variance = max(found)
        self._vocabulary = _vocabulary(counted, self._depth)
        self._known = _normalised(counted, self._depth, self._vocabulary)
        covariance = _kernel(self._known, self._known) + (self._noise + _JITTER) * np.eye(len(targets))
        self._lower = np.linalg.cholesky(covariance)
        self._alpha = cho_solve((self._lower, True), centered) if len(targets) else centered

    def _likelihood(
        self, counted: list[Subtrees], targets: np.ndarray, depth: int, noise: float
    ) -> tuple[float, int, float, float]:
        """The marginal log likelihood where the variance is best, up to a constant; then what it is of."""
        rows = _normalised(counted, depth, _vocabulary(counted, depth))
        lower = np.linalg.cholesky(_kernel(rows, rows) + (noise + _JITTER) * np.eye(len(targets)))
        whitened = solve_triangular(lower, targets, lower=True, check_finite=False)
        variance = float(max(whitened @ whitened / len(targets), _JITTER))
        return -np.log(np.diag(lower)).sum() - 0.5 * len(targets) * np.log(variance), depth, noise, variance

    def _rows(self, architectures: Sequence[Architecture]) -> sparse.csr_matrix:
        """Normalised counts; what no known graph has makes the norm larger, and columns of its own."""
        counted = [self._subtrees(graph) for graph in self._read(architectures)]
        vocabulary = dict(self._vocabulary)
        for subtree in _vocabulary(counted, self._depth):
            vocabulary.setdefault(subtree, len(vocabulary))
        return _normalised(counted, self._depth, vocabulary)

    def _explained(self, rows: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
        """The mean, and the part of the training covariance's root that explains the rows."""
        if not self._known.shape[0]:
            return np.full(rows.shape[0], self._center), np.zeros((0, rows.shape[0]))
        shared = _kernel(self._known, rows[:, : self._known.shape[1]])
        explained = solve_triangular(self._lower, shared, lower=True, check_finite=False)
        return self._center + shared.T @ self._alpha, explained

    def _subtrees(self, graph: LabelledGraph) -> Subtrees:
        if graph not in self._counted:
            if len(self._counted) >= _REMEMBERED:
                self._counted.clear()
            self._counted[graph] = subtrees(graph, _DEPTHS[-1], self._numbers)
        return self._counted[graph]


def subtrees(graph: LabelledGraph, depth: int, numbers: dict[Any, int]) -> Subtrees:
    """How often each subtree occurs, for each depth from 0 to ``depth``.

    Parameters
    ----------
    numbers
        Of the subtrees that were met; it is added to. Equal trees of any graphs have one number.
    """
    sources, _ = graph.neighbours()
    trees = [numbers.setdefault(label, len(numbers)) for label in graph.labels]
    found = [Counter(trees)]
    for _ in range(depth):
        below = [(trees[node], *sorted(trees[source] for source in near)) for node, near in enumerate(sources)]
        trees = [numbers.setdefault((len(found), *tree), len(numbers)) for tree in below]
        found.append(Counter(trees))
    return found


def _vocabulary(counted: Sequence[Subtrees], depth: int) -> dict[int, int]:
    """A column for each subtree that occurs."""
    met = dict.fromkeys(tree for levels in counted for level in levels[: depth + 1] for tree in level)
    return {tree: column for column, tree in enumerate(met)}


def _normalised(counted: Sequence[Subtrees], depth: int, vocabulary: dict[int, int]) -> sparse.csr_matrix:
    """φ / ‖φ‖; float64 [graphs, subtrees]."""
    cells = [
        (row, vocabulary[tree], count)
        for row, levels in enumerate(counted)
        for level in levels[: depth + 1]
        for tree, count in level.items()
    ]
    rows, columns, counts = (np.array(part, dtype=float) for part in zip(*cells, strict=True)) if cells else [[]] * 3
    phi = sparse.csr_matrix((counts, (rows, columns)), shape=(len(counted), len(vocabulary)))
    norms = np.sqrt(phi.multiply(phi).sum(1)).A1 if len(counted) else np.ones(0)
    return sparse.diags(1.0 / np.maximum(norms, 1.0)) @ phi


def _kernel(a: sparse.csr_matrix, b: sparse.csr_matrix) -> np.ndarray:
    return np.asarray((a @ b.T).todense())
