"""The controller of ENAS for recurrent cells: an LSTM that draws the earlier node of each node, then its operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from nni_nasplus.networks.supernet import Edge

__all__ = ["NodeController"]

_SPREAD = 0.1
"""Weights are uniform within this of 0 at first, as in the authors' code."""
_WIDTH = 6.0
"""A node that lies d nodes back has d² divided by this less for a logit, as in the authors' code."""
Choose = Callable[[int, Tensor], Tensor]
"""What is chosen, int [N], at a place among the decisions, whose log-probabilities [N, choices] are given."""


class NodeController(nn.Module):
    """π(cell) = the product over nodes of π(earlier node | before) · π(operation | before), section 2.1 of the paper.

    An earlier node is pointed at by attention from the state of the LSTM to its states at the earlier nodes; near ones
    are preferred at first. After an earlier node was chosen the LSTM is given its state there, after an operation that
    operation. All logits are ``bound`` · tanh(z / ``temperature``). The decisions of a cell are, node by node, the
    place of the chosen one among the edges to the node and the number of the operation.

    Parameters
    ----------
    edges
        E edges of one kind of cell to nodes 1, 2, …, those to a node beside each other.
    alive
        Which of the O operations each of them may have; bool [E, O], of each node at least one.
    hidden
        Of the LSTM.
    temperature, bound
        Of the logits.
    """

    alive: Tensor

    def __init__(
        self, edges: Sequence[Edge], alive: Tensor, *, hidden: int = 64, temperature: float = 5.0, bound: float = 2.25
    ) -> None:
        super().__init__()
        self.register_buffer("alive", alive.clone(), persistent=False)
        self.temperature, self.bound = temperature, bound
        self.sources = [[e.source for e in edges if e.target == node] for node in sorted({e.target for e in edges})]
        self.given = nn.Embedding(alive.shape[1] + 1, hidden)
        self.lstm = nn.LSTMCell(hidden, hidden)
        self.told = nn.Linear(hidden, alive.shape[1], bias=False)
        self.seen = nn.Linear(hidden, hidden, bias=False)
        self.asked = nn.Linear(hidden, hidden, bias=False)
        self.attended = nn.Linear(hidden, 1, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -_SPREAD, _SPREAD)

    def forward(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """log π and the entropy of what it drew from, in nats, of decisions [N, 2 · nodes]; float [N] each."""
        _, tables = self._walked(len(chosen), lambda place, _: chosen[:, place])
        logs = [table.gather(-1, chosen[:, place, None]) for place, table in enumerate(tables)]
        entropies = [-(table.exp() * table).sum(-1) for table in tables]  # entr has no gradient where nothing is alive
        return torch.cat(logs, 1).sum(1), torch.stack(entropies).sum(0)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Decisions, int [count, 2 · nodes], drawn by a generator of the CPU."""

        def drawn(_: int, table: Tensor) -> Tensor:
            return torch.multinomial(table.exp().cpu(), 1, generator=generator).squeeze(-1).to(self.alive.device)

        return self._walked(count, drawn)[0]

    def rows(self, chosen: Tensor) -> Tensor:
        """1 for the operation on the edge of each node, [E, O], of the decisions of one cell, int [2 · nodes]."""
        rows, begin = torch.zeros(self.alive.shape), 0
        for sources, (place, operation) in zip(self.sources, chosen.view(-1, 2).tolist(), strict=True):
            rows[begin + place, operation] = 1
            begin += len(sources)
        return rows

    def _walked(self, count: int, choose: Choose) -> tuple[Tensor, list[Tensor]]:
        """What is chosen, and the log-probabilities of each decision, given those before it."""
        start = torch.full((count,), self.given.num_embeddings - 1, device=self.alive.device)
        state = self.lstm(self.given(start))
        anchors, begin = [state[0]], 0
        chosen: list[Tensor] = []
        tables: list[Tensor] = []
        for node, sources in enumerate(self.sources, 1):
            alive = self.alive[begin : begin + len(sources)]
            begin += len(sources)
            earlier = torch.stack([anchors[source] for source in sources], 1)
            far = torch.tensor([(node - source) ** 2 / _WIDTH for source in sources], device=earlier.device)
            tables.append(_masked(self._pointed(earlier, state[0]) - far, alive.any(-1)))
            chosen.append(choose(len(chosen), tables[-1]))
            state = self.lstm(earlier[torch.arange(count), chosen[-1]], state)
            anchors.append(state[0])
            tables.append(_masked(self._bounded(self.told(state[0])), alive[chosen[-1]]))
            chosen.append(choose(len(chosen), tables[-1]))
            state = self.lstm(self.given(chosen[-1]), state)
        return torch.stack(chosen, 1), tables

    def _pointed(self, earlier: Tensor, state: Tensor) -> Tensor:
        """The attention [N, sources] of a state [N, H] to earlier ones [N, sources, H]."""
        query = torch.tanh(self.seen(earlier) + self.asked(state).unsqueeze(1))
        return self._bounded(self.attended(query).squeeze(-1))

    def _bounded(self, logits: Tensor) -> Tensor:
        return self.bound * torch.tanh(logits / self.temperature)


def _masked(logits: Tensor, alive: Tensor) -> Tensor:
    return logits.masked_fill(~alive, torch.finfo(logits.dtype).min).log_softmax(-1)
