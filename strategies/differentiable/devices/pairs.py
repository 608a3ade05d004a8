"""Two operations of each place, drawn by their probabilities, whose α alone move (arXiv 1812.00332, section 3.2.1)."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["shift", "two_of"]


def two_of(shares: Tensor, generator: torch.Generator) -> Tensor:
    """[E, O] bool: two of the operations of each edge, drawn without replacement; one where there is but one.

    Parameters
    ----------
    shares
        [E, O] the probabilities of operations; those of 0 are not drawn.
    """
    noise = torch.empty(shares.shape).exponential_(generator=generator).to(shares.device)
    alive = shares.detach() > 0
    first = (shares.detach() / noise).topk(2).indices  # as the first of exponential clocks of these rates
    return torch.zeros_like(alive).scatter_(-1, first, True) & alive


def shift(before: Tensor, after: Tensor, pair: Tensor) -> Tensor:
    """What both α of each edge, [E, O], are larger by than that exp of them adds up to what it was.

    Subtracted, it leaves the probabilities of all other operations as they were.
    """
    sums = [rows.masked_fill(~pair, -torch.inf).logsumexp(-1, keepdim=True) for rows in (after, before)]
    return (sums[0] - sums[1]).nan_to_num(0.0) * pair
