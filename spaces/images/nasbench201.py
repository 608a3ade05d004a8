"""The cells of NAS-Bench-201 (arXiv 2001.00326) as an NNI model space.

``nni.nas.hub.pytorch.nasbench201`` builds the same networks; ours takes images of any number of channels and of odd
sizes, has the published notation and names, and shares its operations with the supernet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nni_nasplus.data.images.arrays import ImageShape
from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.networks.supernet import resized
from nni_nasplus.networks.tuned_space import NOTHING, TunedSpace
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.spaces.images.baselines.beside import image_baselines
from nni_nasplus.spaces.images.baselines.residual import RATE
from nni_nasplus.spaces.images.chain import CellChain, ChainMacro
from nni_nasplus.spaces.images.flow import cell_graph
from nni_nasplus.spaces.images.nasbench201_cell import EDGES, NODES, OPERATIONS, DenseCell, decision
from nni_nasplus.spaces.images.recommended import recommended

if TYPE_CHECKING:
    import networkx as nx

    from nni_nasplus.spaces.images.nasbench201_supernet import NasBench201Supernet

__all__ = ["NasBench201Space"]

_FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"


class NasBench201Space(TunedSpace):
    """The 15,625 (5⁶) networks of NAS-Bench-201: images [B, C, H, W] to logits [B, classes].

    Parameters
    ----------
    channels
        The number of channels of the first of three stages; each next one doubles it.
    cells
        The number of cells in each stage.
    classes
        The number of logits.
    in_channels
        The channels of the images: 1 if they are grey, 3 if they are coloured.
    size
        The height and width of the images in pixels.
    hyperparameters
        What is decided beside the architecture, as choices by name for the evaluator.
    fixed
        Choices of decisions, or of hyperparameters, that are held: all architectures have them.

    Raises
    ------
    UserError
        If a size is too small, a hyperparameter is called like a decision, or what is held is no choice.
    """

    notation = "of each node the operations on its inputs, as operation~node, then hyperparameters that are not first"

    def __init__(
        self,
        channels: int = 16,
        cells: int = 5,
        classes: int = 10,
        in_channels: int = 3,
        size: int = 32,
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
    ) -> None:
        super().__init__()
        if size < 1:
            raise UserError(f"size is {size}; use 1 or more")
        self.macro = ChainMacro(channels, cells, classes, in_channels)
        self.size = size
        published = SearchSpace({decision(*edge): OPERATIONS for edge in EDGES})
        self.decide(self._tuned(published, hyperparameters, fixed))

    @classmethod
    def recommended(cls, learning_rate: float = RATE) -> dict[str, Any]:
        """Arguments, beside the sizes of the data, of a space of training too; see recommended.py."""
        return recommended(learning_rate)

    def _network(self, architecture: Mapping[str, Any]) -> CellChain:
        operations = _operations(architecture)
        return CellChain(self.macro, lambda channels: DenseCell(operations, channels))

    def supernet(self, *, affine: bool = True, fraction: int = 1, **sizes: Any) -> NasBench201Supernet:
        """A freshly initialised supernet of these sizes.

        Parameters
        ----------
        affine
            Whether the batch norms of the cells have weights.
        fraction
            One in so many channels is computed on each edge, and the others pass by.
        sizes
            Other ones: fields of :class:`~nni_nasplus.spaces.images.ChainMacro`.

        Raises
        ------
        UserError
            If there is no such size, it is too small, or channels do not divide by the fraction.
        """
        from nni_nasplus.spaces.images.nasbench201_supernet import NasBench201Supernet

        supernet = NasBench201Supernet(resized(self, self.macro, sizes), affine=affine, fraction=fraction)
        supernet.besides = self._first
        return supernet

    def example(self) -> Tensor:
        """Make one black image [1, in_channels, size, size]."""
        return torch.zeros(1, self.macro.in_channels, self.size, self.size)

    def _notation(self, architecture: Architecture) -> str:
        """The published one: ``|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…~0|…~1|…~2|``."""
        operations = iter(_operations(architecture))
        nodes = ("".join(f"{next(operations)}~{source}|" for source in range(target)) for target in range(1, NODES))
        return "+".join(f"|{node}" for node in nodes)

    def _parsed(self, notation: str) -> Architecture:
        nodes = [node.strip("|").split("|") for node in "".join(notation.split()).split("+")]
        pairs = [(word.partition("~"), target) for target, words in enumerate(nodes, 1) for word in words]
        if [(source, str(target)) for (_, _, source), target in pairs] != [(str(a), str(b)) for a, b in EDGES]:
            raise UserError(f"'{notation}' is no genotype; write it as {_FORM}")
        return {decision(*edge): name for edge, ((name, _, _), _) in zip(EDGES, pairs, strict=True)}

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the cell, for drawing; an edge with the operation ``none`` is left out."""
        operations = _operations(self.search_space.validate(architecture))
        edges = [(*edge, name) for edge, name in zip(EDGES, operations, strict=True) if name != "none"]
        return cell_graph("cell", ["0"], ["1", "2", "3"], edges, [NODES - 1])

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """A ResNet-20 of as many parameters as the winner and, where pixels are few, boosted trees, to tune."""
        shape = ImageShape(self.macro.classes, self.macro.in_channels, self.size)
        return image_baselines(winner, shape)


def _operations(architecture: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(architecture[decision(*edge)] for edge in EDGES)
