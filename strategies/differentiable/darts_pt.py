"""DARTS-PT: operations are chosen by what the supernet loses without them (Wang et al., arXiv 2108.04392)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from nni_nasplus.networks.supernet import NONE, Edge, Mixture
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.one_shot.processes import mean_of
from nni_nasplus.strategies.differentiable.darts import DARTS

__all__ = ["DARTSPT"]

_BATCHES = 20
"""Of validation, in a score."""
_SLOWER = 10
"""The learning rate of tuning begins at that of the search, divided by this."""


class DARTSPT(DARTS):
    """Train a supernet as DARTS does; then fix one edge after the other at the operation whose removal hurts most.

    The size of α says little about how good an operation is. After the epochs of the search the edges come in random
    order, one of each kind of cell at a time: the validation loss is measured with each operation's weight set to 0,
    those of the others as they are, and the supernet is tuned for a few epochs after each decision. Then nodes with
    more edges than they may have lose the one whose removal hurts least, likewise. The authors measure accuracy.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of DARTS-PT.

        Parameters
        ----------
        blank
            Whether α stays where it was at first, so that only the weights are trained.
        tuning
            Epochs after each decision; 0 for a tenth of those of the search.
        """

        blank: bool = False
        tuning: int = 0

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("tuning", self.tuning >= 0, "0 or more")

    options: Options

    def __init__(self, *arguments: Any, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.tuning = self.options.tuning or max(1, round(self.options.epochs / 10))
        self.epochs = self.options.epochs + self.tuning * len(self._plan())

    @property
    def alphas_move(self) -> bool:
        """Never, of a blank supernet."""
        return not self.options.blank and super().alphas_move

    def rate(self) -> float:
        """A cosine of the search, then one of each tuning."""
        if self.epoch < self.options.epochs:
            return super().rate()
        share = ((self.epoch - self.options.epochs) % self.tuning) / self.tuning
        return self.options.rate / _SLOWER * (1 + math.cos(math.pi * share)) / 2

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Decide for the next edge or node of each kind of cell, if it is time."""
        decision, rest = divmod(self.epoch - self.options.epochs, self.tuning)
        plan = self._plan()
        if rest == 0 and 0 <= decision < len(plan):
            for edges in plan[decision]:
                self._choose_operation(edges[0]) if len(edges) == 1 else self._drop_edge(edges)

    def _plan(self) -> list[list[list[Edge]]]:
        """What is decided, one after the other: of each kind of cell an edge, or the edges of a node; of the seed."""
        generator = torch.Generator().manual_seed(self.seed)
        cells = [self._decisions(cell, generator) for cell in self.alphas]
        return [[cell[i] for cell in cells if i < len(cell)] for i in range(max(map(len, cells)))]

    def _decisions(self, cell: str, generator: torch.Generator) -> list[list[Edge]]:
        edges = [edge for edge in self.supernet.edges if edge.cell == cell]
        most = self.supernet.edges_per_node or len(edges)
        nodes = [[edge for edge in edges if edge.target == target] for target in sorted({e.target for e in edges})]
        single = [[edges[i]] for i in torch.randperm(len(edges), generator=generator)]
        order = torch.randperm(len(nodes), generator=generator).tolist()
        crowded = [nodes[i] for i in order if len(nodes[i]) > most]
        return [*single, *crowded]

    def _choose_operation(self, edge: Edge) -> None:
        names = self.supernet.alive(edge)
        apart = {NONE} if self.supernet.edges_per_node else set()  # where edges are chosen, each has an operation
        candidates = [name for name in names if name not in apart] or names
        losses = {name: self._loss_without(edge, name) for name in candidates} if len(names) > 1 else {}
        best = max(losses, key=losses.__getitem__, default=None)
        for name in names:
            if name != best and best is not None:
                self.supernet.prune(edge, name)

    def _drop_edge(self, edges: list[Edge]) -> None:
        """Prune edges of a node until it has as many as it may have."""
        left = [edge for edge in edges if self.supernet.alive(edge)]
        while len(left) > (self.supernet.edges_per_node or len(left)):
            losses = [self._loss_without(edge, None) for edge in left]
            self.supernet.prune(left.pop(losses.index(min(losses))))

    def _loss_without(self, edge: Edge, name: str | None) -> float:
        """The validation loss where an operation, or all of an edge, is not computed; others are not renormalised."""
        mixture = self._without(softmax(self.supernet, self.alphas), edge, name)
        with torch.no_grad():
            losses = [float(self.loss(batch, mixture)) for batch in self.inherited.validation(_BATCHES, self.device)]
        return mean_of(sum(losses) / len(losses), self.device)

    def _without(self, mixture: Mixture, edge: Edge, name: str | None) -> Mixture:
        edges = [one for one in self.supernet.edges if one.cell == edge.cell]
        node = [i for i, one in enumerate(edges) if one.target == edge.target]
        column: Any = slice(None) if name is None else self.supernet.operations.index(name)
        weights, active = dict(mixture.weights), dict(mixture.active)
        keep = torch.ones_like(active[edge.cell])
        keep[edges.index(edge), column] = False
        weights[edge.cell] = weights[edge.cell] * keep.to(weights[edge.cell])
        # a node needs an input: where nothing else leads to it, the removed one is computed and weighs 0
        if (active[edge.cell] & keep)[node].any():
            active[edge.cell] = active[edge.cell] & keep
        return Mixture(weights, active)
