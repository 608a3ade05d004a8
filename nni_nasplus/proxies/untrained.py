"""A training-free score as a function of architectures."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.proxies.examples import device_of
from nni_nasplus.proxies.random_inputs import random_batch
from nni_nasplus.proxies.table import score_named
from nni_nasplus.search.space import Architecture

__all__ = ["FreshScore", "untrained_network"]


class FreshScore:
    """The score of an architecture's freshly initialised network.

    A function of the architecture alone: weights, and examples where none are given, are drawn anew from the seed.

    Parameters
    ----------
    space
        Builds the networks.
    score
        One of :data:`~nni_nasplus.proxies.table.SCORES`.
    batch
        What the networks are given, on the device to score on; 32 random examples where None.

    Raises
    ------
    UserError
        If there is no such score, or there are no random examples for the space.

    Examples
    --------
    >>> FreshScore(space, "naswot")(space.search_space.sample(rng))
    """

    def __init__(self, space: NetworkSpace, score: str = "naswot", batch: Any = None, seed: int = 0) -> None:
        self.space = space
        self.score = score_named(score)
        self.seed = seed
        self.batch = random_batch(space, 32, torch.Generator().manual_seed(seed)) if batch is None else batch

    def __call__(self, architecture: Architecture) -> float:
        """The score; infinite or NaN where that of the network is."""
        network = untrained_network(self.space, architecture, self.seed).to(device_of(self.batch))
        return self.score(network, self.batch, torch.Generator().manual_seed(self.seed))


def untrained_network(space: NetworkSpace, architecture: Architecture, seed: int) -> nn.Module:
    """A network whose weights are a function of the seed; torch's global generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return space.build(architecture)
