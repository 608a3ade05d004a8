"""NASWOT: how differently a network's units answer to examples (Mellor et al., arXiv 2006.04647)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.proxies.activation_patterns import patterns
from nni_nasplus.proxies.examples import count, require_several
from nni_nasplus.proxies.spectrum import singular, spectrum

__all__ = ["hamming_kernel", "naswot"]


def naswot(network: nn.Module, batch: Any, generator: torch.Generator | None = None, *, strict: bool = False) -> float:
    """Return log det K of the kernel of :func:`hamming_kernel`; higher is better.

    The value is −∞ where K is singular in float64: two examples have one pattern, or there are fewer units than
    examples.

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
    values = spectrum(hamming_kernel(network, batch, strict=strict))
    return -math.inf if singular(values) else float(values.log().sum())


def hamming_kernel(network: nn.Module, batch: Any, *, strict: bool = False) -> Tensor:
    """Return K, float64 [N, N]: the number of units that are on for both of two examples or off for both.

    The diagonal holds the number of units. In the paper's words an entry is that number less the Hamming distance of
    the two examples' binary codes.

    Raises
    ------
    UserError
        If ``strict`` and no activation runs.
    """
    kernel = torch.zeros(count(batch), count(batch), dtype=torch.float64)
    for on in patterns(network, batch, strict=strict):
        signs = 2.0 * on.float() - 1.0
        kernel += (on.shape[1] + signs @ signs.T).cpu() / 2
    return kernel
