"""What a mixture of operations would cost in the mean, if each were taken as often as it weighs.

The expected cost of ProxylessNAS (arXiv 1812.00332, eq. 5) and FBNet (arXiv 1812.03443, eq. 3): a cost for each
operation in each place, times its weight, and what all architectures share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.networks.costs.latency import Correction, LatencyModel
from nni_nasplus.networks.costs.parts import name_of, part_of
from nni_nasplus.networks.costs.routes import Routes
from nni_nasplus.networks.costs.table import LatencyTable
from nni_nasplus.networks.costs.timing import Timing
from nni_nasplus.networks.supernet import NONE, MixedOperation, Mixture, Supernet, Terms

__all__ = ["Cost", "Costs", "costs_of"]

Cost = Literal["flops", "parameters", "latency_ms"]
Measure = tuple[Callable[[nn.Module, Any], float], Callable[..., float]]
"""Of a whole network and an example; of an operation, its name and what it takes."""


class Costs(NamedTuple):
    """The costs of a supernet's operations."""

    rows: Mapping[str, Tensor]
    """[E, O] each by kind of cell, of all cells of the kind together; 0 where an operation is not alive."""
    fixed: float
    """Of all that no mixture decides."""
    routes: Routes | None = None
    """Where a network has one route through blocks, as in DenseNAS."""

    def expected(self, weights: Mapping[str, Tensor]) -> Tensor:
        """The expected cost of a mixture of these weights, [E, O] each; gradients flow back to them.

        Where there are routes, those of a connection are times its share, and what is off a route costs nothing.
        """
        if self.routes is not None:
            return self.fixed + self.routes.chained(weights, self.rows)
        terms = [(rows * self.rows[cell].to(rows)).sum() for cell, rows in weights.items()]
        return self.fixed + torch.stack(terms).sum()


def costs_of(supernet: Supernet, example: Any, cost: Cost, latency: LatencyModel | None = None) -> Costs:
    """What each operation costs for one example, as it stands.

    Parameters
    ----------
    cost
        Floating-point operations, trainable weights, or milliseconds of one thread.
    latency
        The model that predicts latencies; without one each operation is measured on this machine.

    Raises
    ------
    UserError
        If the supernet has no mixtures of operations, or these have no latencies.
    """
    correction = latency.correction if latency is not None else Correction()
    table = latency.table if latency is not None else LatencyTable(timing=Timing())
    whole, single = _measures(table)[cost]
    rows = {cell: torch.zeros(mask.shape) for cell, mask in supernet.masks.items()}
    computed = 0.0
    with _in_evaluation(supernet):
        for cell, edge, mixed, given in _calls(supernet, example):
            for number, name in enumerate(supernet.operations):
                if supernet.masks[cell][edge, number]:
                    value = single(name, mixed.operations[name], *given)
                    rows[cell][edge, number] += value
                    computed += value if name != NONE else 0.0  # which mixtures leave out
        fixed = whole(supernet.network(), example) - computed
    if latency is not None:
        latency.save()
    factor, offset = (correction.factor, correction.offset) if cost == "latency_ms" else (1.0, 0.0)
    return Costs({cell: factor * row for cell, row in rows.items()}, offset + factor * fixed, supernet.routes)


def _measures(table: LatencyTable) -> dict[str, Measure]:
    def milliseconds(name: str, module: nn.Module, x: Tensor, *_: Any) -> float:
        known = name_of(module)
        if isinstance(module, nn.Identity) and known is None:  # in the network of an architecture there is nothing
            return 0.0
        return table.ms(part_of(known or name, x, module(x)), module)

    return {
        "flops": (count_flops, lambda _, module, *given: count_flops(_Applied(module, given), None)),
        "parameters": (
            lambda network, _: count_parameters(network),
            lambda _, module, *given: count_parameters(module),
        ),
        "latency_ms": (table.total, milliseconds),
    }


class _Applied(nn.Module):
    """An operation with what it is given."""

    def __init__(self, module: nn.Module, given: tuple[Any, ...]) -> None:
        super().__init__()
        self.module, self.given = module, given

    def forward(self, _: Any) -> Any:
        return self.module(*self.given)


def _calls(supernet: Supernet, example: Any) -> list[tuple[str, int, MixedOperation, tuple[Any, ...]]]:
    """Each call of a mixture in a forward pass: kind of cell, place of the edge in it, and what it is given."""
    count = len(supernet.operations)
    weights = {cell: torch.full(mask.shape, 1 / count) for cell, mask in supernet.masks.items()}
    places = {row.data_ptr(): (cell, edge) for cell, rows in weights.items() for edge, row in enumerate(rows)}
    calls: list[tuple[str, int, MixedOperation, tuple[Any, ...]]] = []

    def watched(mixed: MixedOperation) -> Callable[..., Tensor]:
        def mixture(x: Tensor, terms: Terms, *context: Tensor) -> Tensor:
            calls.append((*places[terms.weights.data_ptr()], mixed, (x, *context)))
            return type(mixed).mixture(mixed, x, terms, *context)

        return mixture

    mixtures = [module for module in supernet.modules() if isinstance(module, MixedOperation)]
    if not mixtures:
        raise UserError(f"{type(supernet).__name__} mixes no modules, whose costs would add up; use darts")
    for mixed in mixtures:
        mixed.mixture = watched(mixed)  # type: ignore[method-assign]
    try:
        supernet(example, Mixture(weights, supernet.masks))
    finally:
        for mixed in mixtures:
            del mixed.mixture
    return calls


@contextmanager
def _in_evaluation(supernet: Supernet) -> Iterator[None]:
    """In evaluation mode, without gradients, and on the CPU, where examples are."""
    training, device = supernet.training, next(supernet.parameters()).device
    try:
        with torch.no_grad():
            supernet.cpu().eval()
            yield
    finally:
        supernet.train(training).to(device)
