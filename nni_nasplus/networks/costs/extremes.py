"""The smallest and the largest path of a supernet."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.search.space import Architecture

__all__ = ["Cost", "cheapest", "dearest", "size_of"]

Cost = Callable[[Architecture], float]


def size_of(build: Callable[[Mapping[str, Any]], nn.Module]) -> Cost:
    """What counts the weights of an architecture's network, of each once.

    Parameters
    ----------
    build
        Makes the network.
    """
    known: dict[str, float] = {}

    def size(architecture: Architecture) -> float:
        name = str(architecture)
        if name not in known:
            with torch.device("meta"):
                known[name] = count_parameters(build(architecture))
        return known[name]

    return size


def dearest(supernet: Supernet, cost: Cost) -> Architecture:
    """The path that costs most among all that differ from it in one edge; of equal ones the first.

    Where cost grows with every choice whatever the others are, as with widths and depths, it is the dearest of all.
    """
    return _climbed(supernet, cost)


def cheapest(supernet: Supernet, cost: Cost) -> Architecture:
    """The path that costs least, in the sense of :func:`dearest`."""
    return _climbed(supernet, lambda architecture: -cost(architecture))


def _climbed(supernet: Supernet, gain: Cost) -> Architecture:
    genes = {cell: torch.zeros(mask.shape, device="cpu") for cell, mask in supernet.masks.items()}
    best = supernet.derive(genes)
    top, before = gain(best), -math.inf
    while top > before:
        before = top
        for cell, mask in supernet.masks.items():
            for edge, operation in mask.nonzero().tolist():
                tried = _exchanged(genes, cell, edge, operation)
                found = supernet.derive(tried)
                if (value := gain(found)) > top:
                    genes, best, top = tried, found, value
    return best


def _exchanged(genes: Mapping[str, Tensor], cell: str, edge: int, operation: int) -> dict[str, Tensor]:
    rows = genes[cell].clone()
    rows[edge] = 0
    rows[edge, operation] = 1
    return {**genes, cell: rows}
