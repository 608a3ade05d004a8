"""The cell of NAS-Bench-201 (arXiv 2001.00326): its edges, the operations on them, and the decisions on these."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn

from nni_nasplus.spaces.images.operations import operation

__all__ = ["EDGES", "NODES", "OPERATIONS", "DenseCell", "decision"]

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the published order, on which the numbers of the published tables rest."""
NODES = 4
"""As published, input and output among them."""
EDGES = tuple((source, target) for target in range(1, NODES) for source in range(target))
"""(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), as in the published tables: an earlier node and a later one."""


def decision(source: int, target: int) -> str:
    """Return the name of the decision on the edge from an earlier node to a later one."""
    return f"op_{source}_{target}"


class DenseCell(nn.Module):
    """Node 0 is the input, each later node the sum of an operation on every earlier one, the last the output.

    Parameters
    ----------
    operations
        The operation on each edge, in the order of :data:`EDGES`.
    channels
        The number of channels, which every operation keeps.
    """

    def __init__(self, operations: tuple[str, ...], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(operation(name, channels, 1) for name in operations)

    def forward(self, x: Tensor) -> Tensor:
        """Map images [B, C, H, W] to states of the same shape."""
        nodes, edges = [x], iter(self.edges)
        for _ in range(1, NODES):
            nodes.append(reduce(torch.add, [next(edges)(node) for node in nodes]))
        return nodes[-1]
