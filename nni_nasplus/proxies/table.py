"""All scores by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.proxies.examples import inputs_of, one
from nni_nasplus.proxies.gradients import grad_norm, snip
from nni_nasplus.proxies.jacobian_covariance import jacob_cov
from nni_nasplus.proxies.linear_regions import linear_regions
from nni_nasplus.proxies.naswot import naswot
from nni_nasplus.proxies.networks import matched, scored_copy
from nni_nasplus.proxies.ntk import ntk_condition
from nni_nasplus.proxies.synflow import synflow
from nni_nasplus.search.ranking import DIRECTIONS, Better, require_score

__all__ = ["SCORES", "Score", "flops", "parameters", "score_named"]


@dataclass(frozen=True)
class Score:
    """Something cheap that says how good a network will be once it is trained.

    Parameters
    ----------
    function
        Of a network, a batch (see :mod:`~nni_nasplus.proxies.examples`) and a generator, which draws all that is
        random, or None. It leaves the network and torch's global generator as they are.
    direction
        Whether networks with a higher or a lower score are expected to be better.

    Examples
    --------
    >>> SCORES["naswot"](network, images)
    """

    name: str
    function: Callable[..., float]
    direction: Better

    def __call__(self, network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
        """The score; see its function for its range, and what it refuses."""
        return self.function(network, batch, generator)

    def utility(self, value: float) -> float:
        """The score with the sign that makes higher better."""
        return value if self.direction == "higher" else -value


def parameters(network: nn.Module, batch: Any = None, generator: torch.Generator | None = None) -> float:
    """The number of trainable weights."""
    return float(count_parameters(network))


def flops(network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
    """Floating-point operations of one example of the batch; see :func:`~nni_nasplus.networks.cost.count_flops`."""
    copy = scored_copy(network)
    return float(count_flops(copy, inputs_of(matched(one(batch, 0), copy))))


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "ntk": ntk_condition,
    "ntk_fixed": partial(ntk_condition, statistics="fixed"),
    "linear_regions": linear_regions,
    "naswot": naswot,
    "synflow": synflow,
    "grad_norm": grad_norm,
    "snip": snip,
    "jacob_cov": jacob_cov,
    "parameters": parameters,
    "flops": flops,
}
SCORES = {name: Score(name, _FUNCTIONS[name], direction) for name, direction in DIRECTIONS.items()}
"""By name, in the order of :data:`~nni_nasplus.search.ranking.DIRECTIONS`."""


def score_named(name: str) -> Score:
    """A score by its name.

    Raises
    ------
    UserError
        If there is none of that name.
    """
    return SCORES[require_score(name)]
