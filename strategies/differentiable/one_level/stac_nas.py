"""StacNAS: operations that compute alike do not compete with the others one by one (Li et al., arXiv 1909.11926)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import Mixture
from nni_nasplus.one_shot.differentiable import Differentiable, Draw, Half
from nni_nasplus.one_shot.mixture import masked_softmax
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.differentiable.p_darts import PDARTS

__all__ = ["StacNAS", "clusters"]

_KERNEL = re.compile(r"_[0-9]+x[0-9]+$")


class StacNAS(PDARTS):
    """Choose a cluster of operations for each edge by its first one, then one of the cluster, in a deeper supernet.

    Operations that compute alike, such as separable convolutions of two sizes, share what they contribute, so that a
    softmax of all prefers what is alone. Clusters are kernels of several sizes, and all kinds of pooling. The first
    half of the search trains one operation of each; then the derived edges keep the cluster that won, everything else
    is pruned, and weights and α begin anew. There is one level: α and the weights are trained on the same batches.

    The authors train on all data; here it is the training examples, and validation examples are not used. What they
    measure correlations for is here decided by names.

    Parameters
    ----------
    stages, evaluator, options
        See :class:`~nni_nasplus.strategies.differentiable.p_darts.PDARTS`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(PDARTS.Options):
        """Those of StacNAS.

        Parameters
        ----------
        layers
            Cells of the supernet of both stages; none for the same size, which is the default for what has no 20 cells.
        dropout
            After skip connections, at the start of each stage.
        """

        epochs: int = 160
        final_rate: float = 0.001
        alpha_rate: float = 3e-4
        warm_up: float = 0.0
        layers: Sequence[int] = field(default=(14, 20))
        dropout: Sequence[float] = field(default=(0.0, 0.0))

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("dropout", len(self.dropout) == 2, "a rate for each of the two stages")

    order: tuple[str, ...] = ("both",)
    options: Options

    def draws(self, half: Half) -> list[Draw]:
        """The softmax over what competes."""
        return [(1.0, self._mixture())]

    def strengths(self) -> dict[str, Tensor]:
        """The same."""
        return dict(self._mixture().weights)

    def derived(self) -> Architecture:
        """What weighs most; skip connections are not counted."""
        return Differentiable.derived(self)

    def epoch_ends(self, batch: Mapping[str, Any]) -> None:
        """Leave the clusters of the derived operations after the first stage."""
        if self.stage == 0 and self.epoch == self.lengths[0]:
            chosen = dict(self.supernet.selected(self.derived()))
            for edge, name in chosen.items():
                for other in self.supernet.alive(edge):
                    if self._clusters[other] != self._clusters[name]:
                        self.supernet.prune(edge, other)
            for edge in self.supernet.edges:
                if edge not in chosen:
                    self.supernet.prune(edge)

    def _mixture(self) -> Mixture:
        """In the first stage the first operation of each cluster, in the second all that is left."""
        active = {cell: self._first(mask) if self.stage == 0 else mask for cell, mask in self.supernet.masks.items()}
        weights = {cell: masked_softmax(alpha, active[cell].to(alpha.device)) for cell, alpha in self.alphas.items()}
        return Mixture(weights, active)

    def _first(self, mask: Tensor) -> Tensor:
        """On each edge the first operation of each cluster that is alive, [E, O]."""
        kinds = [self._clusters[name] for name in self.supernet.operations]
        same = torch.tensor([[one == other for other in kinds] for one in kinds])
        return mask & ~(mask.float() @ same.triu(1).float()).bool()

    @property
    def _clusters(self) -> dict[str, str]:
        return clusters(self.supernet.operations)


def clusters(operations: Sequence[str]) -> dict[str, str]:
    """Of each operation the first one of its cluster."""
    first: dict[str, str] = {}
    for name in operations:
        first.setdefault(_kind(name), name)
    return {name: first[_kind(name)] for name in operations}


def _kind(name: str) -> str:
    without = _KERNEL.sub("", name)
    return "pool" if without.endswith("pool") else without
