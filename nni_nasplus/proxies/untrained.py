"""A proxy as a function of architectures: each is given a network that nobody trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.proxies.examples import device_of
from nni_nasplus.proxies.proxy import proxy_named
from nni_nasplus.proxies.random_inputs import random_batch
from nni_nasplus.search.space import Architecture

__all__ = ["UntrainedProxy", "untrained_network"]

_EXAMPLES = 32
"""Random examples where none are given, as many as a pool is given of real ones."""


class UntrainedProxy:
    """The value that a proxy gives to an architecture's freshly initialised network.

    It is a function of the architecture alone: weights, and examples where none are given, are drawn anew from the
    seed.

    Parameters
    ----------
    space
        Builds the networks.
    proxy
        The name of an entry point of ``nni_nasplus.proxies``.
    batch
        What the networks are given, on the device to compute on; 32 random examples where None.
    seed
        What weights, random examples and unknown labels are drawn from.

    Raises
    ------
    UserError
        If there is no such proxy, or there are no random examples for the space.

    Examples
    --------
    >>> UntrainedProxy(space, "naswot")(space.search_space.sample(rng))
    """

    def __init__(self, space: NetworkSpace, proxy: str = "naswot", batch: Any = None, seed: int = 0) -> None:
        self.space = space
        self.proxy = proxy_named(proxy)
        self.seed = seed
        self.batch = random_batch(space, _EXAMPLES, torch.Generator().manual_seed(seed)) if batch is None else batch

    def __call__(self, architecture: Architecture) -> float:
        """Return the value of an architecture; it is infinite or NaN where that of the network is."""
        network = untrained_network(self.space, architecture, self.seed).to(device_of(self.batch))
        return self.proxy(network, self.batch, torch.Generator().manual_seed(self.seed))


def untrained_network(space: NetworkSpace, architecture: Architecture, seed: int) -> nn.Module:
    """Build a network whose weights are a function of the seed; torch's global generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return space.build(architecture)
