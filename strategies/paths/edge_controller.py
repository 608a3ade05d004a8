"""The controller of ENAS for cells: an LSTM that draws the operation of one edge after the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["EdgeController"]

_SPREAD = 0.1
"""Weights are uniform within this of 0 at first, as in the authors' code."""


class EdgeController(nn.Module):
    """π(operations) = the product over edges of π(operation | those of the edges before).

    The logits of an edge are ``bound`` · tanh(z / ``temperature``), z of the LSTM that was given the operation of the
    edge before.

    Parameters
    ----------
    alive
        Which of the O operations each of the E edges may have, at least one; bool [E, O].
    hidden, layers
        Of the LSTM.
    temperature, bound
        Of the logits.
    """

    alive: Tensor

    def __init__(
        self, alive: Tensor, *, hidden: int = 32, layers: int = 2, temperature: float = 5.0, bound: float = 2.5
    ) -> None:
        super().__init__()
        self.register_buffer("alive", alive.clone(), persistent=False)
        self.temperature, self.bound = temperature, bound
        operations = alive.shape[1]
        self.given = nn.Embedding(operations + 1, hidden)
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True)
        self.told = nn.Linear(hidden, operations, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -_SPREAD, _SPREAD)

    def forward(self, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """log π and the entropy of what it drew from, in nats, of choices [N, E]; float [N] each."""
        logs = self._logs(chosen)
        gone = ~self.alive[: chosen.shape[1]]  # whose log has no gradient at 0
        entropy = -(logs.exp() * logs.masked_fill(gone, 0.0)).sum((-1, -2))
        return logs.gather(-1, chosen.unsqueeze(-1)).squeeze(-1).sum(-1), entropy

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Numbers of operations, int [count, E], drawn by a generator of the CPU."""
        chosen = torch.zeros((count, len(self.alive)), dtype=torch.long, device=self.alive.device)
        for edge in range(len(self.alive)):
            shares = self._logs(chosen[:, : edge + 1])[:, edge].exp().cpu()
            chosen[:, edge] = torch.multinomial(shares, 1, generator=generator).squeeze(-1).to(chosen)
        return chosen

    def _logs(self, chosen: Tensor) -> Tensor:
        """log π of every operation of the edges so far, given the choices before each; float [N, edges, O]."""
        start = torch.full_like(chosen[:, :1], self.given.num_embeddings - 1)
        states, _ = self.lstm(self.given(torch.cat([start, chosen[:, :-1]], 1)))
        logits = self.bound * torch.tanh(self.told(states) / self.temperature)
        gone = ~self.alive[: chosen.shape[1]]
        return logits.masked_fill(gone, torch.finfo(logits.dtype).min).log_softmax(-1)
