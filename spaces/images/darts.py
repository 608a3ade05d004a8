"""The convolutional cells of DARTS (arXiv 1806.09055) as an NNI model space.

The networks equal those of ``nni.nas.hub.pytorch.DARTS``. Ours exist because NNI's have 10 or 1,000 classes and three
colour channels only, a batch norm in the ImageNet auxiliary head that the published networks lack, and a supernet whose
batch norms have weights; and in its space a node may take one state twice, and one cell has several descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import torch
from nni.nas.space import model_context
from torch import Tensor

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.nni_supernets import one_shot_hooks
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.images.cell import cell_network
from nni_nasplus.spaces.images.flow import graph_of
from nni_nasplus.spaces.images.genotype import KINDS, OPERATIONS, CellGenotype, Genotype
from nni_nasplus.spaces.images.published import named
from nni_nasplus.spaces.images.stack import CellStack, Macro, Stem

if TYPE_CHECKING:
    import networkx as nx
    from nni.nas.strategy import Strategy

    from nni_nasplus.spaces.images.darts_supernet import DartsSupernet

__all__ = ["NODES", "DartsSpace", "architecture_of", "genotype_of"]

NODES = 4
_CONCAT = tuple(range(2, NODES + 2))


class DartsSpace(NetworkSpace):
    """Networks of a normal and a reduce cell, 1,037,664,180 (180 · 7⁸) of each.

    A node picks a pair of earlier states, such as ``"0,2"`` (the first node has one pair only), and one of seven
    operations for each of the two.

    Parameters
    ----------
    channels
        Of a node in the first cells; doubled by each of the two reduce cells.
    layers
        Cells.
    stem
        ``"cifar"`` keeps the size of the images, ``"imagenet"`` divides it by 8, ``"none"`` is no stem at all.
    in_channels
        1 for grey images, 3 for colour.
    size
        Height and width of the images.
    auxiliary
        Whether a second classifier hangs on the cell at two thirds: in training the network then gives two logits.
    drop_path
        How likely, at the end of training, an operation is left out; 0 for never.

    Raises
    ------
    UserError
        If a size is too small, or ``drop_path`` is not in [0, 1).
    """

    def __init__(
        self,
        channels: int = 36,
        layers: int = 20,
        classes: int = 10,
        stem: Stem = "cifar",
        in_channels: int = 3,
        size: int = 32,
        auxiliary: bool = False,
        drop_path: float = 0.2,
    ) -> None:
        super().__init__()
        self.macro = Macro(channels, layers, classes, stem, in_channels)
        self.size = size
        self.auxiliary = auxiliary
        self.drop_path = drop_path
        self._check()
        self.net = self._network(genotype_of(self._register(_decisions())))

    def _check(self) -> None:
        if not 0 <= self.drop_path < 1:
            raise UserError(f"drop_path is {self.drop_path}; use 0 or more, below 1")
        least = {"imagenet": 65}.get(self.macro.stem, 13) if self.auxiliary else 1
        if self.size < least:
            raise UserError(f"size is {self.size}; use {least} or more" + ", or auxiliary=False" * self.auxiliary)

    def _network(self, genotype: Genotype) -> CellStack:
        return cell_network(genotype, self.macro, auxiliary=self.auxiliary, drop_path=self.drop_path)

    def forward(self, images: Tensor) -> Any:
        """Logits: see :class:`~nni_nasplus.spaces.images.stack.CellStack`."""
        return self.net(images)

    def freeze(self, sample: Mapping[str, Any]) -> DartsSpace:
        """The space with the network of a sample."""
        with model_context(dict(sample)):
            return type(self)(*self.trace_args, **self.trace_kwargs)

    def build(self, architecture: Mapping[str, Any]) -> CellStack:
        """A freshly initialised network; UserError if the architecture is not in the space."""
        return self._network(genotype_of(self.search_space.validate(architecture)))

    def build_genotype(self, genotype: Genotype | str) -> CellStack:
        """A freshly initialised network of any genotype, those outside the space included.

        Parameters
        ----------
        genotype
            An object, a published name, NASNet and AmoebaNet among them, or its notation.

        Raises
        ------
        UserError
            If the text is no genotype.
        """
        return self._network(named(genotype) if isinstance(genotype, str) else genotype)

    def supernet(self) -> DartsSupernet:
        """A freshly initialised supernet of these sizes, without auxiliary head."""
        from nni_nasplus.spaces.images.darts_supernet import DartsSupernet

        return DartsSupernet(self.macro)

    def extra_oneshot_hooks(self, strategy: Strategy) -> list[Any]:
        """How NNI's one-shot strategies make a supernet of it: see :mod:`nni_nasplus.networks.nni_supernets`."""
        return one_shot_hooks(self, strategy)

    def example(self) -> Tensor:
        """One black image [1, in_channels, size, size]."""
        return torch.zeros(1, self.macro.in_channels, self.size, self.size)

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """Operation and input of each edge: see :mod:`~nni_nasplus.spaces.images.genotype`."""
        return str(genotype_of(self.search_space.validate(architecture)))

    def parse_genotype(self, text: str) -> Architecture:
        """The architecture of a genotype, or of a published one by its name, such as ``DARTS_V2``.

        Raises
        ------
        UserError
            If the text is no genotype, or, like NASNet and AmoebaNet, one outside the space.
        """
        try:
            return self.search_space.validate(architecture_of(named(text)))
        except _Foreign as error:
            raise UserError(f"'{text}' is not in the DARTS space: {error}; build it with build_genotype") from None

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Both cells, for drawing: see :mod:`~nni_nasplus.spaces.images.flow`."""
        return graph_of(genotype_of(self.search_space.validate(architecture)))


class _Foreign(UserError):
    """The genotype is whole and not in the space."""


def _pairs(node: int) -> list[str]:
    return [f"{a},{b}" for a, b in combinations(range(node + 2), 2)]


def _decisions() -> dict[str, list[Choice]]:
    decisions: dict[str, list[Choice]] = {}
    for kind in KINDS:
        for node in range(NODES):
            if node:
                decisions[f"{kind}_from{node}"] = list(_pairs(node))
            for side in "ab":
                decisions[f"{kind}_op{node}{side}"] = list(OPERATIONS)
    return decisions


def genotype_of(architecture: Mapping[str, Any]) -> Genotype:
    """The genotype of an architecture of the space."""
    cells = []
    for kind in KINDS:
        edges = []
        for node in range(NODES):
            sources = architecture[f"{kind}_from{node}"] if node else "0,1"
            for side, source in zip("ab", sources.split(","), strict=True):
                edges.append((architecture[f"{kind}_op{node}{side}"], int(source)))
        cells.append(CellGenotype(tuple(edges), _CONCAT))
    return Genotype(*cells)


def architecture_of(genotype: Genotype) -> Architecture:
    """The decisions that give a genotype, a node's inputs in ascending order.

    Raises
    ------
    UserError
        If the genotype is not in the space.
    """
    architecture: Architecture = {}
    for kind in KINDS:
        cell = genotype.cell(kind)
        _require_member(kind, cell)
        for node in range(NODES):
            pair = sorted(cell.pair(node), key=lambda edge: edge[1])
            if node:
                architecture[f"{kind}_from{node}"] = ",".join(str(source) for _, source in pair)
            for side, (operation, _) in zip("ab", pair, strict=True):
                architecture[f"{kind}_op{node}{side}"] = operation
    return architecture


def _require_member(kind: str, cell: CellGenotype) -> None:
    if cell.nodes != NODES:
        raise _Foreign(f"its {kind} cell has {cell.nodes} nodes, not {NODES}")
    if foreign := [operation for operation, _ in cell.edges if operation not in OPERATIONS]:
        raise _Foreign(f"its {kind} cell uses {foreign[0]}")
    if cell.concat != _CONCAT:
        raise _Foreign(f"its {kind} cell does not output all nodes")
    for node in range(NODES):
        if len({source for _, source in cell.pair(node)}) < 2:
            raise _Foreign(f"node {node} of its {kind} cell takes one state twice")
