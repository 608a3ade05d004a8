"""The LSTM that draws one decision after the other (NAS-RL, arXiv 1611.01578; ENAS, arXiv 1802.03268)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from nni_nasplus.search.space import SearchSpace
from nni_nasplus.strategies.controllers.coding import INACTIVE, Policy

__all__ = ["LstmPolicy"]

_HIDDEN = 64
"""Units, as in the controller of ENAS for recurrent cells."""
_SPREAD = 0.08
"""Weights are uniform within this of 0 at first, as in NAS-RL: the policy begins near to uniform by decision."""
_SEED = 0
"""Of the first weights, the same for all searches: a policy is a function of the history alone."""


class LstmPolicy(Policy):
    """π(a) = the product over the active decisions of a of π(choice | what was decided before).

    Each decision is a step of the LSTM, which is given the choice before, or that there was none, and gives the logits
    of this one. It computes in double precision, and probabilities architecture by architecture: in a batch of another
    size the last bits would be others, and a search that is restored would become another one.

    Parameters
    ----------
    space
        What it proposes from.
    """

    def __init__(self, space: SearchSpace) -> None:
        super().__init__(space)
        width = len(self._owner)
        self._start, self._left_out = width, width + 1
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(_SEED)
            self._given = nn.Embedding(width + 2, _HIDDEN, dtype=torch.float64)
            self._lstm = nn.LSTM(_HIDDEN, _HIDDEN, batch_first=True, dtype=torch.float64)
            self._told = nn.Linear(_HIDDEN, width, dtype=torch.float64)
            self._weights = [*self._given.parameters(), *self._lstm.parameters(), *self._told.parameters()]
            for weight in self._weights:
                nn.init.uniform_(weight, -_SPREAD, _SPREAD)

    @property
    def weights(self) -> np.ndarray:
        """All of them; float [P]."""
        return parameters_to_vector(self._weights).detach().numpy()

    def move(self, step: np.ndarray) -> None:
        """Add a step to the weights, of their shape [P]."""
        vector_to_parameters(torch.from_numpy(self.weights + step), self._weights)

    @torch.no_grad()
    def sample(self, rng: np.random.Generator, count: int, temperature: float = 1.0) -> np.ndarray:
        """Codes of independent draws; int16 [count, D]."""
        codes = np.full((count, len(self._names)), INACTIVE, dtype=np.int16)
        token, state = torch.full((count, 1), self._start), None
        for decision in range(len(self._names)):
            output, state = self._lstm(self._given(token), state)
            shares = (self._logits(output, decision)[:, 0] / temperature).softmax(-1).numpy()
            below = np.cumsum(shares, 1)[:, :-1]  # not the last, which may be a little less than 1
            codes[:, decision] = (rng.random((count, 1)) >= below).sum(-1)
            self._leave_out(codes, decision)
            token = self._tokens(codes)[:, decision : decision + 1]
        return codes

    def log_probability(self, codes: np.ndarray) -> np.ndarray:
        """log π of each architecture; float [N] of codes [N, D]."""
        with torch.no_grad():
            return np.array([self._logs(code[None]).item() for code in codes])

    def gradient(self, codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Σ weight · ∂log π / ∂weights of the LSTM; float [P]."""
        total = torch.from_numpy(weights) @ self._logs(codes)
        return parameters_to_vector(torch.autograd.grad(total, self._weights)).numpy()

    def _logs(self, codes: np.ndarray) -> Tensor:
        """log π; [N]."""
        tokens = self._tokens(codes)
        start = torch.full_like(tokens[:, :1], self._start)
        states, _ = self._lstm(self._given(torch.cat([start, tokens[:, :-1]], 1)))
        places, active = torch.from_numpy(codes.astype(np.int64)), torch.from_numpy(codes != INACTIVE)
        logs = [
            self._logits(states, decision)[:, decision].log_softmax(-1).gather(-1, places[:, [decision]].clamp(min=0))
            for decision in range(len(self._names))
        ]
        return (torch.cat(logs, -1) * active).sum(-1)

    def _logits(self, states: Tensor, decision: int) -> Tensor:
        """Of the choices of a decision."""
        own = slice(self._starts[decision], self._starts[decision] + self._sizes[decision])
        return nn.functional.linear(states, self._told.weight[own], self._told.bias[own])

    def _tokens(self, codes: np.ndarray) -> Tensor:
        """What the LSTM is given of each decision; int [N, D]."""
        return torch.from_numpy(np.where(codes == INACTIVE, self._left_out, codes + self._starts))
