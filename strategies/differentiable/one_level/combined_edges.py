"""Which edges may lead to a node together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import torch
from torch import Tensor

from nni_nasplus.networks.supernet import Supernet

__all__ = ["combined_edges"]


def combined_edges(supernet: Supernet) -> Iterator[tuple[str, Tensor]]:
    """By ``cell node`` the combinations of edges that a node may have, [C, E] of 0 and 1 over all edges of the cell."""
    for cell in supernet.masks:
        edges = [edge for edge in supernet.edges if edge.cell == cell]
        for node in sorted({edge.target for edge in edges}):
            rows = [row for row, edge in enumerate(edges) if edge.target == node]
            chosen = list(combinations(rows, min(supernet.edges_per_node or len(rows), len(rows))))
            yield f"{cell} {node}", torch.stack([torch.eye(len(edges))[list(some)].sum(0) for some in chosen])
