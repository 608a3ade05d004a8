"""The policy of NAT: graph convolutions that say of each operation whether it stays, or becomes a skip or nothing."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["KEEP", "REMOVE", "REPLACE", "Rewritable", "TransitionPolicy"]

KEEP, REPLACE, REMOVE = range(3)
"""Transitions of an operation: none, to a skip connection, to no connection."""


class Rewritable(NamedTuple):
    """The n operations of a path, as the policy sees them.

    Parameters
    ----------
    given
        Which of the O operations each is; bool [n, O].
    linked
        Whether one is computed of what another gives; bool [n, n].
    allowed
        Which transitions there are; bool [n, 3].
    """

    given: Tensor
    linked: Tensor
    allowed: Tensor


class TransitionPolicy(nn.Module):
    """π(rewriting | path) = the product over operations of softmax(FC(Â relu(Â X W₀) W₁)) (section 3.3 of the paper).

    Â is the adjacency of operations, in both directions and with themselves, its rows divided by their sums; X are the
    operations, one-hot.

    Parameters
    ----------
    operations
        O.
    hidden
        Channels of both convolutions.
    """

    def __init__(self, operations: int, hidden: int = 64) -> None:
        super().__init__()
        self.first = nn.Linear(operations, hidden, bias=False)
        self.second = nn.Linear(hidden, hidden, bias=False)
        self.told = nn.Linear(hidden, 3)

    def forward(self, path: Rewritable) -> Tensor:
        """The log of the probability of each transition; float [n, 3], very low where it is not allowed."""
        near = path.linked | path.linked.T | torch.eye(len(path.given), dtype=torch.bool, device=path.linked.device)
        mean = near / near.sum(-1, keepdim=True)
        states = torch.relu(mean @ self.first(path.given.to(mean)))
        logits: Tensor = self.told(mean @ self.second(states))
        return logits.masked_fill(~path.allowed, torch.finfo(logits.dtype).min).log_softmax(-1)
