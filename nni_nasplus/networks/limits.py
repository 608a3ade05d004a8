"""Limits of an architecture that are known before it is trained: parameters, operations, latency."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from torch import nn

    from nni_nasplus.networks.costs.latency import LatencyModel
    from nni_nasplus.networks.costs.timing import Timing
    from nni_nasplus.networks.network_space import NetworkSpace

__all__ = ["Limits", "written"]


@dataclass(frozen=True)
class Limits:
    """The most that an architecture may take; None for no limit.

    Parameters
    ----------
    max_parameters
        Trainable weights.
    max_flops
        Floating-point operations of one forward pass of the space's example.
    max_latency_ms
        Milliseconds of one forward pass of the space's example, on one thread of this machine's CPU unless a
        :class:`~nni_nasplus.networks.costs.timing.Timing` says otherwise.

    Raises
    ------
    UserError
        If a limit is not above 0.
    """

    max_parameters: float | None = None
    max_flops: float | None = None
    max_latency_ms: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:  # NaN, too
                raise UserError(f"--{field.name} is {value}; use more than 0")

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    def excess(
        self,
        space: NetworkSpace,
        architecture: Mapping[str, Any],
        latency: LatencyModel | None = None,
        timing: Timing | None = None,
    ) -> str | None:
        """The first limit that an architecture exceeds, in words; None if it keeps to all.

        Parameters
        ----------
        latency
            Predicts latencies. A network is measured where it is None, or where what it says is so near to the limit
            that the truth may be on the other side.
        timing
            How a network is measured; on one thread of torch where None.
        """
        for name, value in self.measured(space, architecture, latency, timing):
            limit = getattr(self, name)
            if value > limit:
                return f"{name.removeprefix('max_')} {written(value)} is more than the limit {written(limit)}"
        return None

    def measured(
        self,
        space: NetworkSpace,
        architecture: Mapping[str, Any],
        latency: LatencyModel | None = None,
        timing: Timing | None = None,
    ) -> Iterator[tuple[str, float]]:
        """What an architecture takes of everything that is limited, by the limit's name, one after the other."""
        measures = self._measures(space.build(architecture), space.example(), latency, timing)
        return ((name, measure()) for name, measure in measures.items() if getattr(self, name) is not None)

    def _measures(
        self, network: nn.Module, example: Any, latency: LatencyModel | None, timing: Timing | None
    ) -> dict[str, Callable[[], float]]:
        from nni_nasplus.networks.cost import count_flops, count_parameters
        from nni_nasplus.networks.costs.timing import Timing

        def milliseconds() -> float:
            if latency is None:
                return (timing or Timing()).ms(network, example)
            value = latency.predicted(network, example)
            return latency.measured(network, example) if self._is_near(value, latency) else value

        return {
            "max_parameters": lambda: count_parameters(network),
            "max_flops": lambda: count_flops(network, example),
            "max_latency_ms": milliseconds,
        }

    def _is_near(self, predicted: float, latency: LatencyModel) -> bool:
        """Whether the true latency may be on the other side of the limit."""
        assert self.max_latency_ms is not None
        return abs(predicted - self.max_latency_ms) < latency.correction.spread * predicted


def written(value: float) -> str:
    """``1,204,224`` or ``0.25``."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.6g}"
