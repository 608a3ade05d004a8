"""Supernets: networks whose every edge is a mixture of all candidate operations, some of which may be pruned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.routes import Routes
from nni_nasplus.networks.partial_channels import passing_by
from nni_nasplus.search.space import Architecture, Choice

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Sizes = TypeVar("Sizes", bound=DataclassInstance)

__all__ = [
    "NONE",
    "SKIP",
    "Edge",
    "MixedNetwork",
    "MixedOperation",
    "Mixture",
    "Supernet",
    "Terms",
    "resized",
    "supernet_of",
]

NONE = "none"
"""The operation that gives zeros: it takes part in the weights and is never computed where another one is."""
SKIP = "skip_connect"
"""The operation that hands on what it is given."""


class Edge(NamedTuple):
    """An edge of all cells of a kind."""

    cell: str
    source: int
    target: int


class Mixture(NamedTuple):
    """What a supernet computes: the weights of its E edges' O operations, by kind of cell."""

    weights: Mapping[str, Tensor]
    """[E, O] each; gradients flow back to them."""
    active: Mapping[str, Tensor]
    """[E, O] bool each: what is computed at all, whatever its weight."""
    edges: Mapping[str, Tensor] | None = None
    """[E] each: what the weights of an edge are multiplied by; None for 1 (the β of PC-DARTS, arXiv 1907.05737)."""
    skip: float = 0.0
    """What the weight of each :data:`SKIP` is larger by (the β of DARTS-, arXiv 2009.01027)."""


class Terms(NamedTuple):
    """What an edge computes: nothing where no operation is active."""

    weights: Tensor
    """[O]."""
    active: list[str]


class MixedOperation(nn.Module):
    """Σ weight · operation(x) over the operations that are active; the others are not computed.

    Parameters
    ----------
    operations
        O modules by name; each for so many of the channels as ``fraction`` says.
    fraction
        One in so many channels is computed, and the others pass by: see
        :func:`~nni_nasplus.networks.partial_channels.passing_by`.
    axis
        Of the channels.
    """

    def __init__(self, operations: Mapping[str, nn.Module], *, fraction: int = 1, axis: int = 1) -> None:
        super().__init__()
        self.operations = nn.ModuleDict(operations)
        self.fraction, self.axis = fraction, axis

    def forward(self, x: Tensor, terms: Terms, *context: Tensor) -> Tensor:
        """The mixture of x.

        Parameters
        ----------
        terms
            Of at least one active operation.
        context
            What every operation takes beside x, such as a mask.
        """
        if self.fraction == 1:
            return self.mixture(x, terms, *context)
        return passing_by(lambda part: self.mixture(part, terms, *context), x, self.fraction, self.axis)

    def mixture(self, x: Tensor, terms: Terms, *context: Tensor) -> Tensor:
        """The same of the channels that are computed."""
        computed = [name for name in terms.active if name != NONE] or terms.active
        products = [
            weight * self.operations[name](x, *context)
            for name, weight in zip(self.operations, terms.weights.unbind(), strict=True)
            if name in computed
        ]
        return reduce(torch.add, products)


class Supernet(nn.Module, ABC):
    """A network with shared weights of all candidate operations; which of them count, and how much, a mixture says.

    It holds masks of what is alive, part of its ``state_dict``, and no weights of operations: see
    :mod:`nni_nasplus.one_shot.mixture` for those that are trained. A subclass calls the mixtures of its cells with the
    terms that it is given.

    Parameters
    ----------
    edges
        E edges of each kind of cell.
    operations
        O candidates by name, the same on every edge, in the published order.

    Attributes
    ----------
    masks
        By kind of cell, [E, O] bool, true where an operation is alive; on the CPU.
    besides
        What the architectures that it derives decide besides operations, such as hyperparameters.
    """

    edges_per_node: ClassVar[int | None] = None
    """How many edges lead to a node of an architecture, at most; None for all."""
    classifies: ClassVar[bool] = True
    """Whether it gives logits [B, classes] of B examples; not what stands for language models."""
    routes: Routes | None = None
    """Of which edges an architecture has one route alone, and methods have to weigh them; None where it has all."""

    def __init__(self, edges: Sequence[Edge], operations: Sequence[str]) -> None:
        super().__init__()
        self.edges = tuple(edges)
        self.operations = tuple(operations)
        self.besides: Architecture = {}
        self._rows: dict[str, dict[Edge, int]] = {edge.cell: {} for edge in self.edges}
        for edge in self.edges:
            self._rows[edge.cell][edge] = len(self._rows[edge.cell])
        shapes = {cell: (len(rows), len(self.operations)) for cell, rows in self._rows.items()}
        self.masks = {cell: torch.ones(shape, dtype=torch.bool, device="cpu") for cell, shape in shapes.items()}

    def forward(self, x: Any, mixture: Mixture | None = None) -> Tensor:
        """What a mixture of the operations computes, such as logits [B, classes] of B images.

        Parameters
        ----------
        mixture
            Where None, the sum of all that is alive; inside :meth:`only`, that is the network of one architecture.

        Raises
        ------
        UserError
            If there is no :data:`SKIP` for a mixture's ``skip`` to strengthen.
        """
        return self._run(x, self._terms(self.summed() if mixture is None else mixture))

    def network(self) -> MixedNetwork:
        """It as a network of its own, as tasks train such."""
        return MixedNetwork(self)

    @abstractmethod
    def _run(self, x: Any, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        """What the network computes with the terms of each edge, by kind of cell in the order of :attr:`edges`."""

    def summed(self) -> Mixture:
        """Weight 1 for each operation that is alive, and no other is computed."""
        return self._summed({cell: mask.clone() for cell, mask in self.masks.items()})

    def path(self, architecture: Mapping[str, Any]) -> Mixture:
        """Weight 1 for each operation of one architecture, and no other is computed."""
        return self._summed(self._masks_of(architecture))

    def _summed(self, active: Mapping[str, Tensor]) -> Mixture:
        like = next(self.parameters())
        return Mixture({cell: mask.to(like) for cell, mask in active.items()}, active)

    def alive(self, edge: Edge) -> list[str]:
        """The operations left on an edge; none where the edge is pruned as a whole.

        Raises
        ------
        UserError
            If there is no such edge.
        """
        return self._named(self._mask(edge).tolist())

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

    def keep(self, edge: Edge, operation: str) -> None:
        """Prune all operations of an edge but one.

        Raises
        ------
        UserError
            If that one is not alive there.
        """
        self._column(edge, operation)
        for other in self.alive(edge):
            if other != operation:
                self.prune(edge, other)

    def hold(self, name: str, choice: Choice) -> None:
        """Let all that is derived from now on have a choice of a decision, where the decision counts.

        Raises
        ------
        UserError
            If what is alive cannot say so.
        """
        if self.besides.get(name) != choice:
            raise UserError(
                f"{name}={choice} cannot be held in {type(self).__name__}; do not hold it, or search with a strategy "
                "that needs no supernet"
            )

    def kinds(self, cell: str) -> list[Hashable]:
        """What each edge of a cell decides: those that are alike have the same choices, in order, of the same."""
        return [tuple(row) for row in self.masks[cell].tolist()]

    def needs(self, edge: Edge, operation: str) -> bool:
        """Whether an edge would lose its last operation but :data:`NONE`, which networks that choose edges have not."""
        return self.edges_per_node is not None and {operation, NONE} >= set(self.alive(edge))

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
        """For a while the network of one architecture: its operations alone are alive."""
        masks = self.masks
        self.masks = self._masks_of(architecture)
        try:
            yield
        finally:
            self.masks = masks

    @abstractmethod
    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The edges of an architecture of the space, with the operation on each."""

    @abstractmethod
    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """The architecture that weighs most among what is alive; of equal ones the first.

        Parameters
        ----------
        weights
            Of the operations by kind of cell, [E, O]; all alike where None.
        """

    def get_extra_state(self) -> dict[str, dict[str, Tensor]]:
        """The masks, for ``state_dict``."""
        return {"masks": self.masks}

    def set_extra_state(self, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Take over masks in place."""
        for cell, mask in self.masks.items():
            mask.copy_(state["masks"][cell])

    def _terms(self, mixture: Mixture) -> dict[str, list[Terms]]:
        """A mixture by kind of cell and edge."""
        weights, active = dict(mixture.weights), dict(mixture.active)
        if mixture.edges is not None:
            weights = {cell: rows * mixture.edges[cell].unsqueeze(-1) for cell, rows in weights.items()}
        if mixture.skip:
            one_hot = self._column_of_skip()
            weights = {cell: rows + mixture.skip * one_hot.to(rows) for cell, rows in weights.items()}
            active = {cell: rows | (one_hot & self.masks[cell]).to(rows) for cell, rows in active.items()}
        return {
            cell: [Terms(row, self._named(on)) for row, on in zip(rows.unbind(), active[cell].tolist(), strict=True)]
            for cell, rows in weights.items()
        }

    def _column_of_skip(self) -> Tensor:
        if SKIP not in self.operations:
            raise UserError(f"no {SKIP} among {', '.join(self.operations)}; give a mixture without skip")
        return torch.tensor([name == SKIP for name in self.operations])

    def _named(self, on: Sequence[bool]) -> list[str]:
        return [name for name, is_on in zip(self.operations, on, strict=True) if is_on]

    def _preferred(self, weights: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        """Weights by kind of cell on the CPU, [E, O]; −∞ where nothing is alive."""
        given = {cell: torch.zeros(mask.shape) for cell, mask in self.masks.items()} if weights is None else weights
        return {cell: rows.detach().cpu().masked_fill(~self.masks[cell], -torch.inf) for cell, rows in given.items()}

    def _masks_of(self, architecture: Mapping[str, Any]) -> dict[str, Tensor]:
        """Masks in which the operations of one architecture alone are alive."""
        masks = {cell: torch.zeros_like(mask) for cell, mask in self.masks.items()}
        for edge, operation in self.selected(architecture):
            masks[edge.cell][self._rows[edge.cell][edge], self.operations.index(operation)] = True
        return masks

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


class MixedNetwork(nn.Module):
    """A supernet as a network of its own: of its attribute ``mixture``, or of what is alive where that is None."""

    def __init__(self, supernet: Supernet) -> None:
        super().__init__()
        self.supernet = supernet
        self.mixture: Mixture | None = None

    def forward(self, x: Any) -> Any:
        return self.supernet(x, self.mixture)


def supernet_of(space: Any, **sizes: Any) -> Supernet:
    """A freshly initialised supernet of a space; torch's global generator draws its weights.

    Decisions that the space holds are held in it: what they rule out is pruned.

    Parameters
    ----------
    sizes
        Arguments of the space's ``supernet``: what is to differ from the sizes of the space's networks.

    Raises
    ------
    UserError
        If the space has no supernet, its supernet no such size, or what the space holds cannot be held in it.
    """
    if not hasattr(space, "supernet"):
        raise UserError(f"{type(space).__name__} has no supernet; search it with a strategy that needs none")
    supernet: Supernet = space.supernet(**sizes)
    for name in getattr(space, "fixed", ()):
        for choice in space.search_space.decisions.get(name, ()):  # none where something else that is held rules it out
            supernet.hold(name, choice)
    return supernet


def resized(space: Any, own: Sizes, sizes: Mapping[str, Any]) -> Sizes:
    """The sizes of a space's networks with others in the place of some, for the ``supernet`` of a space.

    Raises
    ------
    UserError
        If there is no such size.
    """
    known = [field.name for field in fields(own)]
    if unknown := [name for name in sizes if name not in known]:
        raise UserError(
            f"the supernet of {type(space).__name__} has no {unknown[0]}; leave it out, or give: {', '.join(known)}"
        )
    return replace(own, **sizes)
