"""BANANAS: an ensemble of perceptrons on the paths of an architecture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nni_nasplus.predictors.features import Prior
from nni_nasplus.predictors.graphs.labelled_graph import GraphReader
from nni_nasplus.predictors.neural.network_ensemble import NetworkEnsemble
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Bananas"]

# Those of the paper.
_MEMBERS, _LAYERS, _WIDTH = 5, 10, 20


class Bananas(NetworkEnsemble):
    """Five networks of ten layers of 20 on the path encoding (White et al., 2021, arXiv 1910.11858).

    A column says whether a path from the input to the output of the graph occurs; columns are the paths of the results.
    Where a space has no graph but the chain of its decisions, which is one path, the columns are its features. Trained
    as in the paper, by Adam at .01 on the mean absolute error, for as many steps whatever the number of results. Its
    samples are coherent, where the paper's are drawn for each architecture by itself; a ``prior`` is left out.
    """

    _steps, _rate, _batch = 250, 0.01, 32

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        self._read = GraphReader(space)
        self._columns: dict[tuple[str, ...], int] = {}

    def _vocabulary(self, architectures: Sequence[Architecture]) -> None:
        if self.space.has_graph:
            met = dict.fromkeys(path for graph in self._read(architectures) for path in graph.paths())
            self._columns = {path: column for column, path in enumerate(met)}

    def _inputs(self, architectures: Sequence[Architecture]) -> Tensor:
        import torch

        return torch.as_tensor(self._rows(architectures), dtype=torch.float32)

    def _rows(self, architectures: Sequence[Architecture]) -> np.ndarray:
        if not self.space.has_graph:
            return self.space.features(architectures)
        rows = np.zeros((len(architectures), len(self._columns)))
        for row, graph in zip(rows, self._read(architectures), strict=True):
            row[[self._columns[path] for path in graph.paths() if path in self._columns]] = 1.0
        return rows

    def _made(self) -> list[nn.Module]:
        from nni_nasplus.predictors.neural.modules import Perceptrons

        return [Perceptrons(_MEMBERS, self._width, _LAYERS, _WIDTH)]

    @property
    def _width(self) -> int:
        return len(self._columns) if self.space.has_graph else len(self.space.feature_groups)

    def _loss(self, predicted: Tensor, targets: Tensor) -> Tensor:
        return (predicted - targets).abs().mean()
