"""Routes through a supernet whose blocks are densely connected: which of them a network has, and what that costs.

As in DenseNAS (arXiv 1906.09607, sections 3.2 and 3.3): each node shares itself out among the connections that leave
it, so a route is a chain of such choices, and costs of what follows add up from the last node backwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Routes"]


@dataclass(frozen=True)
class Routes:
    """Nodes 0 to N − 1 in order, and C connections from earlier ones to later ones; a route leads from 0 to N − 1.

    Parameters
    ----------
    cell
        The kind of cell of a supernet whose edges are the connections.
    connections
        Source and target of each.
    inside
        By each other kind of cell, the node that each of its edges is in: what computes only where the route passes.
    """

    cell: str
    connections: Sequence[tuple[int, int]]
    inside: Mapping[str, Sequence[int]]

    @property
    def nodes(self) -> int:
        """N."""
        return 1 + max(target for _, target in self.connections)

    def leaving(self, node: int) -> list[int]:
        """The numbers of the connections that leave a node."""
        return [number for number, (source, _) in enumerate(self.connections) if source == node]

    def shares(self, logits: Tensor) -> Tensor:
        """[C] the softmax of logits [C] over the connections that leave the same node; 0 where a logit is −∞."""
        sources = torch.tensor([source for source, _ in self.connections], device=logits.device)
        same = sources[:, None] == sources
        return logits.masked_fill(~same, -torch.inf).softmax(-1).diagonal().nan_to_num(0.0)

    def shared_out(self, weights: Mapping[str, Tensor], shares: Tensor) -> dict[str, Tensor]:
        """Weights of operations by kind of cell, [E, O], those of each connection times its share."""
        return {**weights, self.cell: weights[self.cell] * shares.unsqueeze(-1)}

    def chained(self, weights: Mapping[str, Tensor], costs: Mapping[str, Tensor]) -> Tensor:
        """The expected cost of a network, from the last node backwards: c(b) = in(b) + Σ_j β_bj (head_bj + c(j)).

        Parameters
        ----------
        weights
            Of operations by kind of cell, [E, O], those of a connection already times its share β.
        costs
            Of operations, [E, O].
        """
        every = {cell: (rows * costs[cell].to(rows)).sum(-1) for cell, rows in weights.items()}
        shares = weights[self.cell].sum(-1)
        within = self._within(every)
        after = {self.nodes - 1: within[-1]}
        for node in reversed(range(self.nodes - 1)):
            ways = [every[self.cell][way] + shares[way] * after[self.connections[way][1]] for way in self.leaving(node)]
            after[node] = within[node] + sum(ways)
        return after[0]

    def best(self, connections: Tensor, within: Tensor) -> list[int]:
        """The numbers of the connections of the route whose scores add up to most; of equal ones the first found.

        By dynamic programming, as Viterbi's algorithm.

        Parameters
        ----------
        connections
            [C] scores, such as logarithms of shares.
        within
            [N] scores of nodes.
        """
        scores, inner = connections.tolist(), within.tolist()
        after, chosen = {self.nodes - 1: inner[-1]}, {}
        for node in reversed(range(self.nodes - 1)):
            values = {way: scores[way] + after[self.connections[way][1]] for way in self.leaving(node)}
            chosen[node] = max(values, key=lambda way: values[way])
            after[node] = inner[node] + values[chosen[node]]
        route, node = [], 0
        while node != self.nodes - 1:
            route.append(chosen[node])
            node = self.connections[chosen[node]][1]
        return route

    def within(self, values: Mapping[str, Tensor]) -> Tensor:
        """[N] the sums of what belongs to each node, of values [E] by kind of cell."""
        return torch.stack(self._within(values))

    def _within(self, values: Mapping[str, Tensor]) -> list[Tensor]:
        like = next(iter(values.values()))
        found = [like.new_zeros(()) for _ in range(self.nodes)]
        for cell, owners in self.inside.items():
            for value, node in zip(values[cell].unbind(), owners, strict=True):
                found[node] = found[node] + value
        return found
