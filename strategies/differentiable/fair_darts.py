"""FairDARTS: operations do not compete (Chu et al., arXiv 1911.12126)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import NONE, Mixture
from nni_nasplus.one_shot.differentiable import Differentiable, Draw, Half
from nni_nasplus.one_shot.mixture import sigmoid

__all__ = ["FairDARTS"]

_LITTLE = 1e-6


class FairDARTS(Differentiable):
    """Weigh each operation by the sigmoid of its α, and push it towards 0 or 1.

    ``none`` takes no part. An edge is left out where no operation reaches the threshold and the space can leave it out:
    in cells of NAS-Bench-201 it is ``none`` then, but the best edge of a node is kept; in cells of DARTS each node
    keeps its two best edges, where the authors' code keeps fewer. The defaults are those of the authors' code, but for
    its batches of 128.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of FairDARTS.

        Parameters
        ----------
        threshold
            An operation is kept from this weight on, in (0, 1).
        pressure
            What the zero-one loss is multiplied by.
        """

        rate: float = 0.005
        alpha_rate: float = 3e-3
        threshold: float = 0.85
        pressure: float = 10.0

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("threshold", 0 < self.threshold < 1, "more than 0 and less than 1")
            self._require("pressure", self.pressure >= 0, "0 or more")

    options: Options

    def draws(self, half: Half) -> list[Draw]:
        """The sigmoid of each α but those of ``none``."""
        mixture = sigmoid(self.supernet, self.alphas)
        active = {cell: rows & self._counts for cell, rows in mixture.active.items()}
        return [(1.0, Mixture(mixture.weights, active))]

    def penalty(self) -> Tensor:
        """The zero-one loss: −mean (σ(α) − ½)² (eq. 3)."""
        columns = [alpha[:, self._counts.to(alpha.device)].sigmoid() - 0.5 for alpha in self.alphas.values()]
        return -self.options.pressure * torch.cat([column.square().flatten() for column in columns]).mean()

    def strengths(self) -> dict[str, Tensor]:
        """The sigmoids; that of ``none`` is the threshold, or a little less than the best that leads to the node."""
        found = {}
        for cell, alpha in self.alphas.items():
            rows = alpha.sigmoid() * (self.supernet.masks[cell] & self._counts).to(alpha)
            targets = torch.tensor([edge.target for edge in self.supernet.edges if edge.cell == cell])
            of_edges = rows.max(-1).values.expand(len(rows), -1)
            best = of_edges.masked_fill(~_same(targets, alpha.device), 0).max(-1).values
            none = (best * (1 - _LITTLE)).clamp(max=self.options.threshold).unsqueeze(-1)
            found[cell] = torch.where(self._counts.to(alpha.device), rows, none * self.supernet.masks[cell].to(alpha))
        return found

    @property
    def _counts(self) -> Tensor:
        """[O] bool: what takes part."""
        return torch.tensor([name != NONE for name in self.supernet.operations])


def _same(targets: Tensor, device: torch.device) -> Tensor:
    """[E, E] bool: which edges lead to the same node."""
    return (targets[:, None] == targets).to(device)
