"""The number of linear regions that a batch falls into: the expressivity of TE-NAS (Chen et al., arXiv 2102.11535)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from nni_nasplus.proxies.activation_patterns import patterns
from nni_nasplus.proxies.examples import count, require_several

__all__ = ["linear_regions"]


def linear_regions(
    network: nn.Module, batch: Any, generator: torch.Generator | None = None, *, strict: bool = False
) -> float:
    """Return R in [1, N], the number of distinct patterns of activations; higher is better: more is told apart.

    The count is exact, with a bit of memory for each unit and example; it is 1 where no activation runs.

    Parameters
    ----------
    network
        Left as it is.
    batch
        See :mod:`~nni_nasplus.proxies.examples`.
    generator
        Not used: nothing is random.
    strict
        Whether a network in which no activation runs is an error.

    Raises
    ------
    UserError
        If the batch has one example, or no activation runs and ``strict``.
    """
    require_several(batch)
    packed = [np.packbits(signs.cpu().numpy(), axis=1) for signs in patterns(network, batch, strict=strict)]
    rows = np.concatenate([np.zeros((count(batch), 1), np.uint8), *packed], axis=1)
    return float(len({row.tobytes() for row in rows}))
