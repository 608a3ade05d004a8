"""What a round of TE-NAS (arXiv 2102.11535, Algorithm 1) makes of its scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from nni_nasplus.networks.supernet import Edge, Supernet

__all__ = ["Cut", "Scores", "changes", "cuts_of", "importance", "kept_edges", "pruned_operations"]

_DECIMALS = 3


class Cut(NamedTuple):
    """What might be removed: an operation of an edge, or where None the edge."""

    edge: Edge
    operation: str | None


class Scores(NamedTuple):
    """Of one network."""

    kappa: float
    """The condition number of its kernel, in [1, ∞]: lower is better."""
    regions: float
    """Linear regions, 1 or more: higher is better."""


def cuts_of(supernet: Supernet, edges_per_node: int | None) -> list[Cut]:
    """What the next round tries to leave out; nothing where the search is over.

    That is each operation of the edges with several; then each edge into a node with more than ``edges_per_node``.
    """
    alive = {edge: supernet.alive(edge) for edge in supernet.edges}
    operations = [Cut(edge, name) for edge, names in alive.items() if len(names) > 1 for name in names]
    if operations or edges_per_node is None:
        return operations
    left = [edge for edge, names in alive.items() if names]
    nodes = [(edge.cell, edge.target) for edge in left]
    return [Cut(edge, None) for edge in left if nodes.count((edge.cell, edge.target)) > edges_per_node]


def changes(scores: Sequence[Sequence[Scores]], *, rounded: bool) -> NDArray[np.float64]:
    """Δκ and ΔR of each cut, the means over the repeats; float64 [cuts, 2].

    A change is (whole − without) / whole, the limit of that where a κ is ∞, and 0 where both are.

    Parameters
    ----------
    scores
        By repeat, of the whole supernet, then of the supernet without each cut.
    rounded
        To three decimals, as in the authors' code.
    """
    by_repeat = [[_changes(whole, without) for without in rest] for whole, *rest in scores]
    means: NDArray[np.float64] = np.array(by_repeat).reshape(len(scores), -1, 2).mean(axis=0)
    return means.round(_DECIMALS) if rounded else means


def _changes(whole: Scores, without: Scores) -> tuple[float, float]:
    return _relative(whole.kappa, without.kappa), _relative(whole.regions, without.regions)


def _relative(whole: float, without: float) -> float:
    if not math.isfinite(whole):
        return float(math.isfinite(without))
    return (whole - without) / whole if math.isfinite(without) else -math.inf


def importance(changes: NDArray[np.float64], *, dense: bool) -> NDArray[np.float64]:
    """The sum of two ranks of each cut: what is least important comes first; float64 [cuts].

    A cut is of no importance if without it the kernel is better conditioned, Δκ large, and no region lost, ΔR small.

    Parameters
    ----------
    changes
        Δκ and ΔR, [cuts, 2].
    dense
        Whether equal changes count as one rank, as in the authors' code; else they share their mean rank.
    """
    method = "dense" if dense else "average"
    ranks: NDArray[np.float64] = rankdata(changes * (-1, 1), method=method, axis=0).sum(axis=1).astype(float)
    return ranks


def pruned_operations(cuts: Sequence[Cut], importances: Sequence[float], number: int) -> list[Cut]:
    """On each edge the ``number`` operations of least importance, of equal ones the first; never all."""
    return [cut for group in _groups(cuts, importances, by_node=False) for cut in group[: min(number, len(group) - 1)]]


def kept_edges(cuts: Sequence[Cut], importances: Sequence[float], number: int) -> list[Cut]:
    """Of each node the ``number`` edges of greatest importance, of equal ones the last."""
    return [cut for group in _groups(cuts, importances, by_node=True) for cut in group[-number:]]


def _groups(cuts: Sequence[Cut], importances: Sequence[float], *, by_node: bool) -> list[list[Cut]]:
    """The cuts of each edge, or of all edges into a node, the least important first."""
    groups: dict[tuple[str, int, int], list[Cut]] = {}
    for place in np.argsort(importances, kind="stable"):
        cell, source, target = cuts[place].edge
        groups.setdefault((cell, -1 if by_node else source, target), []).append(cuts[place])
    return list(groups.values())
