"""The cell of a genotype."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_nasplus.spaces.images.genotype import CellGenotype, Genotype
from nni_nasplus.spaces.images.operations import DropPath, operation
from nni_nasplus.spaces.images.stack import CellPlan, CellStack, Macro, Preprocess

__all__ = ["Cell", "cell_network"]


class Cell(nn.Module):
    """Nodes that sum two operations on earlier states; the output is some of them, concatenated.

    Parameters
    ----------
    drop_path
        How likely, at the end of training, an operation other than the identity is left out.
    """

    def __init__(self, genotype: CellGenotype, plan: CellPlan, drop_path: float = 0.0) -> None:
        super().__init__()
        self.genotype = genotype
        self.out_channels = plan.channels * len(genotype.concat)
        self.preprocess = Preprocess(plan)
        self.drop_path = DropPath(drop_path)
        self.edges = nn.ModuleList(
            operation(name, plan.channels, 2 if plan.kind == "reduce" and source < 2 else 1)
            for name, source in genotype.edges
        )

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """[B, C₋₂, H₋₂, W₋₂] and [B, C₋₁, H, W] → [B, out_channels, H, W], halved by a reduce cell."""
        states = self.preprocess(before, last)
        for node in range(self.genotype.nodes):
            states.append(self._value(2 * node, states) + self._value(2 * node + 1, states))
        return torch.cat([states[i] for i in self.genotype.concat], 1)

    def _value(self, position: int, states: list[Tensor]) -> Tensor:
        edge, (_, source) = self.edges[position], self.genotype.edges[position]
        value = edge(states[source])
        return value if isinstance(edge, nn.Identity) else self.drop_path(value)


def cell_network(genotype: Genotype, macro: Macro, *, auxiliary: bool = False, drop_path: float = 0.0) -> CellStack:
    """The network of a genotype; torch's global generator draws its weights."""
    return CellStack(macro, lambda plan: Cell(genotype.cell(plan.kind), plan, drop_path), auxiliary=auxiliary)
