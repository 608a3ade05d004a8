"""A training-free score as what is known of an architecture before it is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nni_nasplus.model_space import SearchableSpace
from nni_nasplus.space import Architecture

from .random_inputs import random_batch
from .table import score_named

__all__ = ["ScorePrior", "fresh_network"]


class ScorePrior:
    """The score of an architecture's freshly initialised network, with the sign that makes higher better.

    A function of the architecture alone: weights and examples are drawn anew from the seed. It can be the ``prior`` of
    :class:`~nni_nasplus.strategies.TrainingFree`, and of predictors where it is finite for every architecture.

    Parameters
    ----------
    space
        Builds the networks; of a small size, as scoring takes a network's time.
    score
        One of :data:`~nni_nasplus.scores.table.SCORES`.
    batch
        What the networks are given; 32 random examples where None.

    Raises
    ------
    UserError
        If there is no such score, or there are no random examples for the space.

    Examples
    --------
    >>> strategy = TrainingFree(space.search_space, prior=ScorePrior(space, "naswot"))
    """

    def __init__(self, space: SearchableSpace, score: str = "naswot", batch: Any = None, seed: int = 0) -> None:
        self.space = space
        self.score = score_named(score)
        self.seed = seed
        self.batch = random_batch(space, 32, torch.Generator().manual_seed(seed)) if batch is None else batch

    def __call__(self, architecture: Architecture) -> float:
        """The score; infinite or NaN where that of the network is."""
        network = fresh_network(self.space, architecture, self.seed)
        return self.score.utility(self.score(network, self.batch, torch.Generator().manual_seed(self.seed)))


def fresh_network(space: SearchableSpace, architecture: Architecture, seed: int) -> nn.Module:
    """A network whose weights are a function of the seed; torch's global generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return space.build(architecture)
