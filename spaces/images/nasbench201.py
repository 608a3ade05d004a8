"""The cells of NAS-Bench-201 (arXiv 2001.00326) as an NNI model space.

``nni.nas.hub.pytorch.nasbench201`` builds the same networks; ours takes images of any number of channels and of odd
sizes, has the published notation and names, and shares its operations with the supernet.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from nni.nas.space import model_context
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.nni_supernets import one_shot_hooks
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.images.chain import CellChain, ChainMacro
from nni_nasplus.spaces.images.flow import cell_graph
from nni_nasplus.spaces.images.operations import operation

if TYPE_CHECKING:
    import networkx as nx
    from nni.nas.strategy import Strategy

    from nni_nasplus.spaces.images.nasbench201_supernet import NasBench201Supernet

__all__ = ["EDGES", "NODES", "OPERATIONS", "DenseCell", "NasBench201Space", "decision"]

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the published order."""
NODES = 4
EDGES = tuple((source, target) for target in range(1, NODES) for source in range(target))
"""(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), as in the published tables: an earlier node and a later one."""
_FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"


class DenseCell(nn.Module):
    """Node 0 is the input, each later node the sum of an operation on every earlier one, the last the output.

    Parameters
    ----------
    operations
        By edge, in the order of :data:`EDGES`.
    """

    def __init__(self, operations: tuple[str, ...], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(operation(name, channels, 1) for name in operations)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] → [B, C, H, W]."""
        nodes, edges = [x], iter(self.edges)
        for _ in range(1, NODES):
            nodes.append(reduce(torch.add, [next(edges)(node) for node in nodes]))
        return nodes[-1]


class NasBench201Space(NetworkSpace):
    """The 15,625 (5⁶) networks of NAS-Bench-201.

    Parameters
    ----------
    channels
        Of the first of three stages; doubled by each next one.
    cells
        In each stage.
    in_channels
        1 for grey images, 3 for colour.
    size
        Height and width of the images.

    Raises
    ------
    UserError
        If a size is too small.
    """

    def __init__(
        self, channels: int = 16, cells: int = 5, classes: int = 10, in_channels: int = 3, size: int = 32
    ) -> None:
        super().__init__()
        if size < 1:
            raise UserError(f"size is {size}; use 1 or more")
        self.macro = ChainMacro(channels, cells, classes, in_channels)
        self.size = size
        choices: list[Choice] = list(OPERATIONS)
        self.net = self._network(self._register({decision(*edge): choices for edge in EDGES}))

    def _network(self, architecture: Mapping[str, Any]) -> CellChain:
        operations = _operations(architecture)
        return CellChain(self.macro, lambda channels: DenseCell(operations, channels))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes]."""
        return self.net(images)

    def freeze(self, sample: Mapping[str, Any]) -> NasBench201Space:
        """The space with the network of a sample."""
        with model_context(dict(sample)):
            return type(self)(*self.trace_args, **self.trace_kwargs)

    def build(self, architecture: Mapping[str, Any]) -> CellChain:
        """A freshly initialised network; UserError if the architecture is not in the space."""
        return self._network(self.search_space.validate(architecture))

    def supernet(self) -> NasBench201Supernet:
        """A freshly initialised supernet of these sizes."""
        from nni_nasplus.spaces.images.nasbench201_supernet import NasBench201Supernet

        return NasBench201Supernet(self.macro)

    def extra_oneshot_hooks(self, strategy: Strategy) -> list[Any]:
        """How NNI's one-shot strategies make a supernet of it: see :mod:`nni_nasplus.networks.nni_supernets`."""
        return one_shot_hooks(self, strategy)

    def example(self) -> Tensor:
        """One black image [1, in_channels, size, size]."""
        return torch.zeros(1, self.macro.in_channels, self.size, self.size)

    def genotype(self, architecture: Mapping[str, Any]) -> str:
        """The published notation: ``|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…~0|…~1|…~2|``."""
        operations = iter(_operations(self.search_space.validate(architecture)))
        nodes = ("".join(f"{next(operations)}~{source}|" for source in range(target)) for target in range(1, NODES))
        return "+".join(f"|{node}" for node in nodes)

    def parse_genotype(self, text: str) -> Architecture:
        """The architecture of the published notation.

        Raises
        ------
        UserError
            If the text has another form, or an operation is unknown.
        """
        nodes = [node.strip("|").split("|") for node in "".join(text.split()).split("+")]
        pairs = [(word.partition("~"), target) for target, words in enumerate(nodes, 1) for word in words]
        if [(source, str(target)) for (_, _, source), target in pairs] != [(str(a), str(b)) for a, b in EDGES]:
            raise UserError(f"'{text}' is no genotype; write it as {_FORM}")
        return self.search_space.validate(
            {decision(*edge): name for edge, ((name, _, _), _) in zip(EDGES, pairs, strict=True)}
        )

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """The cell, for drawing; an edge with the operation ``none`` is left out."""
        operations = _operations(self.search_space.validate(architecture))
        edges = [(*edge, name) for edge, name in zip(EDGES, operations, strict=True) if name != "none"]
        return cell_graph("cell", ["0"], ["1", "2", "3"], edges, [NODES - 1])


def decision(source: int, target: int) -> str:
    """The name of the decision on an edge."""
    return f"op_{source}_{target}"


def _operations(architecture: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(architecture[decision(*edge)] for edge in EDGES)
