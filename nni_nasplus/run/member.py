"""The parts of a model: its networks, and how it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import instantiate
from nni_nasplus.search.space import Architecture

__all__ = ["Member", "Origin", "by_candidate"]


@dataclass(frozen=True)
class Member:
    """A network of a model.

    Parameters
    ----------
    space
        Class and arguments, as :func:`~nni_nasplus.registry.described` gives them.
    architecture
        What is built of it.
    name
        What people call it.
    weight
        Its share in an ensemble, in (0, 1].
    fold
        Which fold it has not learned from, from 0; None where there were none. Members of one name are one candidate,
        bagged over folds.
    """

    space: dict[str, Any]
    architecture: Architecture
    name: str = "network"
    weight: float = 1.0
    fold: int | None = None

    @cached_property
    def built(self) -> NetworkSpace:
        """The space."""
        return instantiate(self.space, NetworkSpace)

    @property
    def genotype(self) -> str:
        """The architecture in the notation of its space."""
        return self.built.genotype(self.architecture)


@dataclass(frozen=True)
class Origin:
    """How a model was found.

    Parameters
    ----------
    strategy, trials, seed
        Of the search.
    objective
        What was optimised.
    test
        The objective on test examples that the search never saw; None where it was not measured.
    interval
        In which 95 % of resamples of the test examples lie.
    refit
        Whether it was trained again on training and validation examples.
    """

    strategy: str = ""
    trials: int = 0
    seed: int = 0
    objective: str = ""
    test: float | None = None
    interval: list[float] = field(default_factory=list)
    refit: bool = False


def by_candidate(members: Sequence[Member]) -> list[list[Member]]:
    """The networks of a model in their order, with those together that are one candidate, bagged over folds."""
    groups: dict[Any, list[Member]] = {}
    for place, member in enumerate(members):
        groups.setdefault(place if member.fold is None else member.name, []).append(member)
    return list(groups.values())
