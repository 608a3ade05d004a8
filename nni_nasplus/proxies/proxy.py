"""A proxy by its name: a function among the entry points, and whether a lower or a higher value is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from nni_nasplus import registry

__all__ = ["Better", "Proxy", "lower_is_better", "proxy_named"]

Better = Literal["higher", "lower"]
F = TypeVar("F", bound=Callable[..., float])


@dataclass(frozen=True)
class Proxy:
    """Something cheap that says how good a network will be once it is trained.

    Parameters
    ----------
    name
        The name that options and tables have for it.
    function
        Of a network, a batch (see :mod:`~nni_nasplus.proxies.examples`) and a generator, which draws all that is
        random, or None. It leaves the network and torch's global generator as they are.
    direction
        Whether networks with a higher or a lower value are expected to be better.

    Examples
    --------
    >>> proxy_named("naswot")(network, images)
    """

    name: str
    function: Callable[..., float]
    direction: Better

    def __call__(self, network: nn.Module, batch: Any, generator: torch.Generator | None = None) -> float:
        """Return the network's value; see the proxy's function for its range, and for what it refuses."""
        return self.function(network, batch, generator)

    def utility(self, value: float) -> float:
        """Return a value with the sign that makes higher better."""
        return value if self.direction == "higher" else -value


def lower_is_better(function: F) -> F:
    """Mark a proxy whose lower values are expected of better networks; of all others the higher ones are."""
    function.direction = "lower"  # type: ignore[attr-defined]
    return function


def proxy_named(name: str) -> Proxy:
    """Return a proxy by its name among the entry points ``nni_nasplus.proxies``.

    Raises
    ------
    UserError
        If no installed package provides it.
    """
    function = registry.load("proxies", name)
    return Proxy(name, function, getattr(function, "direction", "higher"))
