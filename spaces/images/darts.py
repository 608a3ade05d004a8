"""The convolutional cells of DARTS (arXiv 1806.09055) as an NNI model space.

The networks equal those of ``nni.nas.hub.pytorch.DARTS``. Ours exist because NNI's have 10 or 1,000 classes and three
colour channels only, a batch norm in the ImageNet auxiliary head that the published networks lack, and a supernet whose
batch norms have weights; and in its space a node may take one state twice, and one cell has several descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from nni_nasplus.spaces.images.cell import cell_network
from nni_nasplus.spaces.images.darts_genotype import ForeignGenotype, architecture_of, decisions, genotype_of
from nni_nasplus.spaces.images.flow import graph_of
from nni_nasplus.spaces.images.genotype import Genotype
from nni_nasplus.spaces.images.published import named
from nni_nasplus.spaces.images.recommended import recommended
from nni_nasplus.spaces.images.stack import CellStack, Macro, Stem

if TYPE_CHECKING:
    import networkx as nx

    from nni_nasplus.spaces.images.darts_supernet import DartsSupernet

__all__ = ["DartsSpace"]


class DartsSpace(TunedSpace):
    """Networks of a normal and a reduce cell, 1,037,664,180 (180 · 7⁸) of each; images [B, C, H, W] to logits.

    A node picks a pair of earlier states, such as ``"0,2"`` (the first node has one pair only), and one of seven
    operations for each of the two.

    Parameters
    ----------
    channels
        The number of channels of a node in the first cells; each of the two reduce cells doubles it.
    layers
        The number of cells.
    classes
        The number of logits.
    stem
        ``"cifar"`` keeps the size of the images, ``"imagenet"`` divides it by 8, ``"none"`` is no stem at all.
    in_channels
        The channels of the images: 1 if they are grey, 3 if they are coloured.
    size
        The height and width of the images in pixels.
    auxiliary
        Whether a second classifier hangs on the cell at two thirds: in training the network then gives two logits.
    drop_path
        How likely an operation is left out at the end of training, in [0, 1).
    hyperparameters
        What is decided beside the architecture, as choices by name: ``drop_path`` is the network's,
        in place of the argument, the others are for the evaluator.
    fixed
        Choices of decisions, or of hyperparameters, that are held: all architectures have them.

    Raises
    ------
    UserError
        If a size is too small, ``drop_path`` is not in [0, 1), a hyperparameter is called like a decision, or what is
        held is no choice.
    """

    notation = (
        "the normal cell / the reduce cell, nodes between bars, of each two operations as operation~input; "
        "then hyperparameters that are not the first"
    )

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
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
    ) -> None:
        super().__init__()
        self.macro = Macro(channels, layers, classes, stem, in_channels)
        self.size = size
        self.auxiliary = auxiliary
        self.drop_path = drop_path
        self._check([drop_path, *hyperparameters.get("drop_path", ())])
        self.decide(self._tuned(SearchSpace(decisions()), hyperparameters, fixed))

    @classmethod
    def recommended(cls, learning_rate: float = RATE) -> dict[str, Any]:
        """Arguments, beside the sizes of the data, of a space of training too; see recommended.py."""
        return recommended(learning_rate, drop_path=[0.0, 0.2])

    def _check(self, drop_path: Sequence[Any]) -> None:
        if wrong := [rate for rate in drop_path if not isinstance(rate, int | float) or not 0 <= rate < 1]:
            raise UserError(f"drop_path is {wrong[0]}; use 0 or more, below 1")
        least = {"imagenet": 65}.get(self.macro.stem, 13) if self.auxiliary else 1
        if self.size < least:
            raise UserError(f"size is {self.size}; use {least} or more" + ", or auxiliary=False" * self.auxiliary)

    def _network(self, architecture: Mapping[str, Any]) -> CellStack:
        drop_path = architecture.get("drop_path", self.drop_path)
        return cell_network(genotype_of(architecture), self.macro, auxiliary=self.auxiliary, drop_path=drop_path)

    def build_genotype(self, genotype: Genotype | str) -> CellStack:
        """Make the network of any genotype, those outside the space included.

        Parameters
        ----------
        genotype
            An object, a published name, NASNet and AmoebaNet among them, or its notation.

        Returns
        -------
        A network of images [B, in_channels, H, W]. Torch's global generator draws its weights.

        Raises
        ------
        UserError
            If the text is no genotype.
        """
        found = named(genotype) if isinstance(genotype, str) else genotype
        return cell_network(found, self.macro, auxiliary=self.auxiliary, drop_path=self.drop_path)

    def supernet(self, *, affine: bool = False, fraction: int = 1, **sizes: Any) -> DartsSupernet:
        """A freshly initialised supernet of these sizes, without auxiliary head.

        Parameters
        ----------
        affine
            Whether the batch norms of the cells have weights.
        fraction
            One in so many channels is computed on each edge, and the others pass by.
        sizes
            Other ones: fields of :class:`~nni_nasplus.spaces.images.Macro`.

        Raises
        ------
        UserError
            If there is no such size, it is too small, or channels do not divide by the fraction.
        """
        from nni_nasplus.spaces.images.darts_supernet import DartsSupernet

        supernet = DartsSupernet(resized(self, self.macro, sizes), affine=affine, fraction=fraction)
        supernet.besides = self._first
        return supernet

    def example(self) -> Tensor:
        """Make one black image [1, in_channels, size, size]."""
        return torch.zeros(1, self.macro.in_channels, self.size, self.size)

    def _notation(self, architecture: Architecture) -> str:
        """Operation and input of each edge: see :mod:`~nni_nasplus.spaces.images.genotype`."""
        return str(genotype_of(architecture))

    def _parsed(self, notation: str) -> Architecture:
        """A genotype, or a published one by its name, such as ``DARTS_V2``; NASNet is not in the space."""
        try:
            return architecture_of(named(notation))
        except ForeignGenotype as error:
            raise UserError(f"'{notation}' is not in the DARTS space: {error}; build it with build_genotype") from None

    def _telling(self) -> list[str]:
        """All but the states that nodes take."""
        return [name for name in self.search_space.decisions if "_from" not in name]

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show both cells, for drawing: see :mod:`~nni_nasplus.spaces.images.flow`."""
        return graph_of(genotype_of(self.search_space.validate(architecture)))

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """A ResNet-20 of as many parameters as the winner and, where pixels are few, boosted trees, to tune."""
        shape = ImageShape(self.macro.classes, self.macro.in_channels, self.size)
        return image_baselines(winner, shape)
