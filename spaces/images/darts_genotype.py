"""The decisions of the DARTS space (arXiv 1806.09055) and the genotypes that they stand for, each from the other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.images.genotype import KINDS, OPERATIONS, CellGenotype, Genotype

__all__ = ["NODES", "ForeignGenotype", "architecture_of", "decisions", "genotype_of"]

NODES = 4
"""Of a cell, as published; states 0 and 1 are the outputs of the two cells before."""
_CONCAT = tuple(range(2, NODES + 2))
"""A cell outputs all its nodes: which of them, the paper does not search."""


class ForeignGenotype(UserError):
    """A genotype that is whole and yet not in the space, as NASNet's and AmoebaNet's are."""


def decisions() -> dict[str, list[Choice]]:
    """All decisions with their choices, in order.

    For each kind of cell and each node i, these are ``{kind}_from{i}``, the pair of earlier states that the node takes,
    and ``{kind}_op{i}a`` and ``{kind}_op{i}b``, the operations on the two. Node 0 has one pair only and decides none.
    """
    found: dict[str, list[Choice]] = {}
    for kind in KINDS:
        for node in range(NODES):
            if node:
                found[f"{kind}_from{node}"] = [f"{a},{b}" for a, b in combinations(range(node + 2), 2)]
            for side in "ab":
                found[f"{kind}_op{node}{side}"] = list(OPERATIONS)
    return found


def genotype_of(architecture: Mapping[str, Any]) -> Genotype:
    """Return the genotype of an architecture of the space, given by all its decisions."""
    cells = []
    for kind in KINDS:
        edges = []
        for node in range(NODES):
            sources = architecture[f"{kind}_from{node}"] if node else "0,1"
            for side, source in zip("ab", sources.split(","), strict=True):
                edges.append((architecture[f"{kind}_op{node}{side}"], int(source)))
        cells.append(CellGenotype(tuple(edges), _CONCAT))
    return Genotype(*cells)


def architecture_of(genotype: Genotype) -> Architecture:
    """Return the decisions that give a genotype, the inputs of each node in ascending order.

    Raises
    ------
    ForeignGenotype
        If the genotype has other nodes or operations than the space, or a node takes one state twice.
    """
    architecture: Architecture = {}
    for kind in KINDS:
        cell = genotype.cell(kind)
        _require_member(kind, cell)
        for node in range(NODES):
            pair = sorted(cell.pair(node), key=lambda edge: edge[1])
            if node:
                architecture[f"{kind}_from{node}"] = ",".join(str(source) for _, source in pair)
            for side, (operation, _) in zip("ab", pair, strict=True):
                architecture[f"{kind}_op{node}{side}"] = operation
    return architecture


def _require_member(kind: str, cell: CellGenotype) -> None:
    if cell.nodes != NODES:
        raise ForeignGenotype(f"its {kind} cell has {cell.nodes} nodes, not {NODES}")
    if foreign := [operation for operation, _ in cell.edges if operation not in OPERATIONS]:
        raise ForeignGenotype(f"its {kind} cell uses {foreign[0]}")
    if cell.concat != _CONCAT:
        raise ForeignGenotype(f"its {kind} cell does not output all nodes")
    for node in range(NODES):
        if len({source for _, source in cell.pair(node)}) < 2:
            raise ForeignGenotype(f"node {node} of its {kind} cell takes one state twice")
