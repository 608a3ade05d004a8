"""ASAP: operations are pruned while a temperature falls (Noy et al., arXiv 1904.04123)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nni_nasplus.one_shot.differentiable import Draw, Half
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.strategies.differentiable.darts import DARTS

__all__ = ["ASAP"]


class ASAP(DARTS):
    """DARTS with softmax(α / T), where T falls from epoch to epoch, and what weighs too little is pruned at once.

    An operation goes when its weight is less than a share of what it would be if all that the edge began with weighed
    the same; the last of an edge stays. So the supernet becomes quicker and nearer to one architecture on the way.

    Written from the idea of the paper: temperatures and threshold are ours, and its results are not verified.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of ASAP.

        Parameters
        ----------
        first_temperature, last_temperature
            T falls from one to the other by equal factors.
        threshold
            The share, in [0, 1), of the weight of an undecided operation.
        """

        first_temperature: float = 1.0
        last_temperature: float = 0.01
        threshold: float = 0.4

        def __post_init__(self) -> None:
            super().__post_init__()
            for name in ("first_temperature", "last_temperature"):
                self._require(name, getattr(self, name) > 0, "more than 0")
            self._require("threshold", 0 <= self.threshold < 1, "0 or more and less than 1")

    options: Options

    @property
    def temperature(self) -> float:
        """T in this epoch."""
        first, last = self.options.first_temperature, self.options.last_temperature
        return float(first * (last / first) ** self.progress)

    def draws(self, half: Half) -> list[Draw]:
        """The softmax of α / T."""
        return [(1.0, softmax(self.supernet, self._cooled()))]

    def strengths(self) -> dict[str, Tensor]:
        """The same."""
        return dict(softmax(self.supernet, self._cooled()).weights)

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Prune what weighs too little."""
        if not self.alphas_move:
            return
        least = self.options.threshold / len(self.supernet.operations)
        rows = {cell: iter(rows.tolist()) for cell, rows in self.strengths().items()}
        for edge in self.supernet.edges:
            row = dict(zip(self.supernet.operations, next(rows[edge.cell]), strict=True))
            names = sorted(self.supernet.alive(edge), key=row.__getitem__)
            for name in names[:-1]:
                if row[name] < least and not self.supernet.needs(edge, name):
                    self.supernet.prune(edge, name)

    def _cooled(self) -> dict[str, Tensor]:
        return {cell: alpha / self.temperature for cell, alpha in self.alphas.items()}
