"""Supernets: networks whose every edge is a mixture of all candidate operations, some of which may be pruned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture

__all__ = ["NONE", "Edge", "MixedOperation", "Mode", "Supernet"]

NONE = "none"
"""The operation that gives zeros: it takes part in the weights and is never computed where another one is."""
_SPREAD = 1e-3

Mode = Literal["softmax", "sum"]


class Edge(NamedTuple):
    """An edge of all cells of a kind."""

    cell: str
    source: int
    target: int


class MixedOperation(nn.Module):
    """Σ weight · operation(x) over the operations that are alive; the others are not computed.

    Parameters
    ----------
    operations
        O modules by name.
    """

    def __init__(self, operations: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.operations = nn.ModuleDict(operations)

    def forward(self, x: Tensor, weights: Tensor, alive: Sequence[str], *context: Tensor) -> Tensor:
        """The mixture of x.

        Parameters
        ----------
        weights
            [O], in the order of the operations.
        alive
            The names of those to compute, one at least.
        context
            What every operation takes beside x, such as a mask.
        """
        computed = [name for name in alive if name != NONE] or alive
        terms = [
            weight * self.operations[name](x, *context)
            for name, weight in zip(self.operations, weights.unbind(), strict=True)
            if name in computed
        ]
        return reduce(torch.add, terms)


class Supernet(nn.Module, ABC):
    """Shared weights, and beside them a weight α for each operation of each edge, shared by all cells of a kind.

    The α are no ``parameters()``. They move with the module and, like the masks, are part of its ``state_dict``. A
    subclass calls the mixtures of its cells with :meth:`weights` and :meth:`alive`.

    Parameters
    ----------
    edges
        E edges of each kind of cell.
    operations
        O candidates by name, the same on every edge, in the published order.
    mode
        How α become weights: ``"softmax"`` over what is alive on an edge, or ``"sum"``, 1 for each (TE-NAS).
    generator
        Draws the first α, 0.001 · N(0, 1); torch's global one where None.

    Attributes
    ----------
    alphas
        By kind of cell, [E, O] leaf tensors.
    masks
        By kind of cell, [E, O] bool, true where an operation is alive; on the CPU.

    Raises
    ------
    UserError
        If the mode is another one.
    """

    def __init__(
        self,
        edges: Sequence[Edge],
        operations: Sequence[str],
        *,
        mode: Mode = "softmax",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if mode not in ("softmax", "sum"):
            raise UserError(f"mode is '{mode}'; choose softmax or sum")
        self.edges = tuple(edges)
        self.operations = tuple(operations)
        self.mode: Mode = mode
        self._rows: dict[str, dict[Edge, int]] = {edge.cell: {} for edge in self.edges}
        for edge in self.edges:
            self._rows[edge.cell][edge] = len(self._rows[edge.cell])
        shapes = {cell: (len(rows), len(self.operations)) for cell, rows in self._rows.items()}
        self.alphas = {
            cell: nn.Parameter(_SPREAD * torch.randn(shape, generator=generator)) for cell, shape in shapes.items()
        }
        self.masks = {cell: torch.ones(shape, dtype=torch.bool, device="cpu") for cell, shape in shapes.items()}

    def architecture_parameters(self) -> list[nn.Parameter]:
        """The α, for an optimiser of their own."""
        return list(self.alphas.values())

    def weights(self) -> dict[str, Tensor]:
        """The weights of the operations by kind of cell, [E, O]; 0 where pruned."""
        if self.mode == "softmax":
            return self.probabilities()
        return {cell: self.masks[cell].to(alpha) for cell, alpha in self.alphas.items()}

    def probabilities(self) -> dict[str, Tensor]:
        """The softmax of α over what is alive by kind of cell, [E, O], whatever the mode; 0 where pruned."""
        return {cell: _masked_softmax(alpha, self.masks[cell].to(alpha.device)) for cell, alpha in self.alphas.items()}

    def entropy(self) -> dict[str, Tensor]:
        """The entropy of the softmax of each edge in nats by kind of cell, [E]: from ln O, undecided, to 0."""
        return {cell: torch.special.entr(p).sum(-1) for cell, p in self.probabilities().items()}

    def alive(self, edge: Edge) -> list[str]:
        """The operations left on an edge; none where the edge is pruned as a whole.

        Raises
        ------
        UserError
            If there is no such edge.
        """
        return [name for name, left in zip(self.operations, self._mask(edge).tolist(), strict=True) if left]

    def prune(self, edge: Edge, operation: str | None = None) -> None:
        """Remove an operation from an edge, or the whole edge; its weights stay in ``parameters()``.

        Raises
        ------
        UserError
            If the operation is not alive there, or nothing would be left that leads to the edge's target.
        """
        gone = self._column(edge, operation)
        row = self._mask(edge)
        before = row.clone()
        row[gone] = False
        if not any(self.alive(e) for e in self.edges if (e.cell, e.target) == (edge.cell, edge.target)):
            row.copy_(before)
            raise UserError(f"nothing else leads to node {edge.target} of the {edge.cell} cell; keep it")

    @contextmanager
    def without(self, edge: Edge, operation: str | None = None) -> Iterator[None]:
        """The supernet as :meth:`prune` would leave it, for a while."""
        before = self._mask(edge).clone()
        self.prune(edge, operation)
        try:
            yield
        finally:
            self._mask(edge).copy_(before)

    @contextmanager
    def only(self, architecture: Mapping[str, Any]) -> Iterator[None]:
        """For a while the network of one architecture with the shared weights: its operations alone, of weight 1."""
        masks, mode = self.masks, self.mode
        self.masks, self.mode = {cell: torch.zeros_like(mask) for cell, mask in masks.items()}, "sum"
        try:
            for edge, operation in self.selected(architecture):
                self._mask(edge)[self.operations.index(operation)] = True
            yield
        finally:
            self.masks, self.mode = masks, mode

    @abstractmethod
    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The edges of an architecture of the space, with the operation on each."""

    @abstractmethod
    def derive(self) -> Architecture:
        """The architecture that the α prefer among what is alive; of equal ones the first."""

    def get_extra_state(self) -> dict[str, dict[str, Tensor]]:
        """The α and the masks, for ``state_dict``."""
        return {"alphas": {cell: alpha.data for cell, alpha in self.alphas.items()}, "masks": self.masks}

    def set_extra_state(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Take over α and masks in place."""
        for cell, alpha in self.alphas.items():
            alpha.data.copy_(state["alphas"][cell])
            self.masks[cell].copy_(state["masks"][cell])

    def _mask(self, edge: Edge) -> Tensor:
        """The row of an edge in the masks: a view."""
        try:
            return self.masks[edge.cell][self._rows[edge.cell][edge]]
        except KeyError:
            raise UserError(f"no edge {tuple(edge)} in this supernet; its attribute edges lists them") from None

    def _column(self, edge: Edge, operation: str | None) -> slice | int:
        alive = self.alive(edge)
        if operation is None:
            return slice(None)
        if operation not in alive:
            left = ", ".join(alive) or "nothing"
            raise UserError(f"'{operation}' is not alive on edge {tuple(edge)}; {left} is left")
        return self.operations.index(operation)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        for alpha in self.alphas.values():
            alpha.data = fn(alpha.data)
        return super()._apply(fn, recurse)


def _masked_softmax(alpha: Tensor, mask: Tensor) -> Tensor:
    return alpha.masked_fill(~mask, torch.finfo(alpha.dtype).min).softmax(-1) * mask
