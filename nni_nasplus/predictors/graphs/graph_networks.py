"""What is common to networks on graphs: the words of labels are what a node is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nni_nasplus.predictors.features import Prior
from nni_nasplus.predictors.graphs.labelled_graph import GraphReader
from nni_nasplus.predictors.neural.network_ensemble import NetworkEnsemble
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    from torch import Tensor

    from nni_nasplus.predictors.neural.modules import Graphs

__all__ = ["GraphNetworks"]


class GraphNetworks(NetworkEnsemble):
    """Networks on graphs whose nodes are the words of their labels.

    Words, not whole labels, so that attention of two heads and of four have something in common: a column for each word
    of the results' graphs, and what they do not have is left out.
    """

    def __init__(self, space: SearchSpace, *, prior: Prior | None = None, seed: int = 0) -> None:
        super().__init__(space, prior=prior, seed=seed)
        self._read = GraphReader(space)
        self._words: dict[str, int] = {}

    def _vocabulary(self, architectures: Sequence[Architecture]) -> None:
        labels = dict.fromkeys(label for graph in self._read(architectures) for label in graph.labels)
        self._words = {word: column for column, word in enumerate(dict.fromkeys(w for x in labels for w in _words(x)))}
        self._rows: dict[str, np.ndarray] = {}

    def _inputs(self, architectures: Sequence[Architecture]) -> Graphs:
        import torch

        from nni_nasplus.predictors.neural.modules import Graphs

        graphs = self._read(architectures)
        sizes = [len(graph.labels) for graph in graphs]
        starts = np.cumsum([0, *sizes[:-1]])
        nodes = np.array([self._described(label) for graph in graphs for label in graph.labels], dtype=np.float32)
        edges = [(a + start, b + start) for graph, start in zip(graphs, starts, strict=True) for a, b in graph.edges]
        ends = torch.as_tensor(np.array(edges, dtype=np.int64).reshape(-1, 2))
        owner = torch.as_tensor(np.repeat(np.arange(len(graphs)), sizes))
        return Graphs(torch.as_tensor(nodes), ends[:, 0], ends[:, 1], owner, len(graphs))

    def _described(self, label: str) -> np.ndarray:
        """Which words are in a label; float32 [words]."""
        if label not in self._rows:
            row = np.zeros(len(self._words), dtype=np.float32)
            row[[self._words[word] for word in _words(label) if word in self._words]] = 1.0
            self._rows[label] = row
        return self._rows[label]

    def _loss(self, predicted: Tensor, targets: Tensor) -> Tensor:
        return (predicted - targets).square().mean()


def _words(label: str) -> list[str]:
    return re.findall(r"[\w.]+", label)
