"""Draw architectures, compute a proxy of each, and rank them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.proxies.pool.kept_values import KeptValues
from nni_nasplus.proxies.pool.random_architectures import random_architectures
from nni_nasplus.proxies.untrained import UntrainedProxy
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture

__all__ = ["Excess", "Progress", "rank_pool"]

Excess = Callable[[Architecture], str | None]
"""Says which limit an architecture exceeds; None if it keeps to all."""
Progress = Callable[[Sequence[float], int], None]
"""Hears of the values so far, in order, and of how many there will be."""

_ATTEMPTS = 20
"""Architectures drawn for each one wanted: where fewer than one in 20 keep to the limits, the pool stays smaller."""


def rank_pool(
    space: NetworkSpace,
    name: str,
    size: int,
    examples: Any,
    *,
    seed: int = 0,
    excess: Excess | None = None,
    file: Path | None = None,
    progress: Progress | None = None,
) -> Ranking:
    """Rank distinct random architectures that keep to the limits, each by an untrained network.

    The ranking is a function of the arguments up to ``excess``. A space of no more than ``size`` architectures is
    taken whole.

    Parameters
    ----------
    space
        Builds the networks.
    name
        The name of the proxy.
    size
        How many architectures to rank, 1 or more; fewer are, where most of 20 times as many exceed the limits.
    examples
        What the networks are given, two or more that differ (:mod:`nni_nasplus.proxies.examples`), on the device to
        compute on.
    seed
        What architectures and weights are drawn from.
    excess
        Says which limit an architecture exceeds; None for no limits.
    file
        Where values are kept, from which an interrupted call goes on
        (:class:`~nni_nasplus.proxies.pool.kept_values.KeptValues`); None for nowhere.
    progress
        Is called after every architecture, with the values so far and how many there will be.

    Raises
    ------
    UserError
        If there is no such proxy, no architecture keeps to the limits, or the file is of another proxy.
    """
    proxy = UntrainedProxy(space, name, examples, seed)
    wanted = size if space.search_space.size is None else min(size, space.search_space.size)
    drawn = islice(random_architectures(space.search_space, seed), wanted * _ATTEMPTS)
    architectures: list[Architecture] = []
    values: list[float] = []
    with KeptValues(file, name) as kept:
        for architecture, value in islice(_evaluated(drawn, proxy, excess, kept), wanted):
            architectures.append(architecture)
            values.append(value)
            if progress is not None:
                progress(values, wanted)
    if not architectures:
        raise UserError(f"none of {wanted * _ATTEMPTS:,} random architectures keeps to the limits; raise --max_…")
    _warn_of_equal(name, values)
    return Ranking.of(architectures, [proxy.proxy.utility(value) for value in values])


def _evaluated(
    drawn: Iterable[Architecture], proxy: UntrainedProxy, excess: Excess | None, kept: KeptValues
) -> Iterator[tuple[Architecture, float]]:
    """Architectures within the limits, and their values; what has a value already kept to the limits before."""
    for architecture in drawn:
        genotype = proxy.space.genotype(architecture)
        if genotype not in kept.values:
            if excess is not None and excess(architecture) is not None:
                continue
            kept.add(genotype, proxy(architecture))
        yield architecture, kept.values[genotype]


def _warn_of_equal(name: str, values: Sequence[float]) -> None:
    """Warn of a proxy that tells no two networks apart, by which the ranking would be one of chance."""
    if len(values) > 1 and len(np.unique(values)) == 1:
        warnings.warn(f"{name} is {values[0]} of all networks; try another proxy", stacklevel=3)
