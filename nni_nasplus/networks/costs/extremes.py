"""The smallest and the largest path of a supernet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
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
            with torch.random.fork_rng(devices=[]):  # torch initialises on the CPU in half the time it needs on meta
                known[name] = count_parameters(build(architecture))
        return known[name]

    return size


def dearest(supernet: Supernet, cost: Cost) -> Architecture:
    """The path that costs most of those whose edges of a kind agree, found by exchanging one kind after the other.

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
        for cell, alike in _kinds(supernet):
            for choice in range(int(supernet.masks[cell][alike[0]].sum())):
                tried = {**genes, cell: _exchanged(genes[cell], supernet.masks[cell], alike, choice)}
                found = supernet.derive(tried)
                if (value := gain(found)) > top:
                    genes, best, top = tried, found, value
    return best


def _kinds(supernet: Supernet) -> Iterator[tuple[str, list[int]]]:
    """The edges of each kind, by cell."""
    for cell in supernet.masks:
        kinds = supernet.kinds(cell)
        for kind in dict.fromkeys(kinds):
            yield cell, [edge for edge, other in enumerate(kinds) if other == kind]


def _exchanged(genes: Tensor, mask: Tensor, edges: list[int], choice: int) -> Tensor:
    rows = genes.clone()
    for edge in edges:
        rows[edge] = 0
        rows[edge, mask[edge].nonzero()[choice]] = 1
    return rows
