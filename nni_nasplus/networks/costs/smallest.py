"""Whether a space has any network within a limit, before a search begins that would find none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import torch

from nni_nasplus.errors import UserError
from nni_nasplus.networks.limits import Limits, written
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    from nni_nasplus.networks.costs.latency import LatencyModel
    from nni_nasplus.networks.costs.timing import Timing
    from nni_nasplus.networks.network_space import NetworkSpace

__all__ = ["require_reachable", "small"]


def require_reachable(
    space: NetworkSpace, limits: Limits, latency: LatencyModel | None = None, timing: Timing | None = None
) -> None:
    """Raise :class:`UserError` if the smallest network of a space exceeds a limit; both are named.

    Parameters
    ----------
    latency, timing
        How latencies are known: see :meth:`~nni_nasplus.networks.limits.Limits.excess`.
    """
    for name, most in asdict(limits).items():
        if most is None:
            continue
        only = replace(Limits(), **{name: most})

        def cost(architecture: Architecture, only: Limits = only) -> float:
            with torch.random.fork_rng(devices=[]):
                return dict(only.measured(space, architecture, latency, timing)).popitem()[1]

        found, least = small(space.search_space, cost, most)
        if least > most:
            raise UserError(
                f"--{name.replace('_', '-')} is {written(most)}; the smallest network, {space.genotype(found)}, "
                f"takes {written(least)}: raise the limit, or make all networks smaller"
            )


def small(space: SearchSpace, cost: Callable[[Architecture], float], enough: float) -> tuple[Architecture, float]:
    """An architecture that costs no more than enough, with its cost; the cheapest where there is none.

    It is found by exchanging one choice after the other, from the first choices on. Where cost grows with every choice
    whatever the others are, as with widths and depths, it is the cheapest of all.
    """
    choices = {name: values[0] for name, values in space.decisions.items()}
    best = space.validate(choices)
    low, before = cost(best), math.inf
    while enough < low < before:
        before = low
        for name, values in space.decisions.items():
            for value in values:
                tried = space.validate({**choices, name: value})
                if tried != best and (price := cost(tried)) < low:
                    choices, best, low = {**choices, name: value}, tried, price
            if low <= enough:
                return best, low
    return best, low
