"""The densely connected space of DenseNAS (arXiv 1906.09607) as an NNI model space.

The widths of blocks and their number are searched, too: a network is one route through 17 blocks of growing width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from nni_nasplus.data.images.arrays import ImageShape
from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.networks.supernet import resized
from nni_nasplus.networks.tuned_space import NOTHING, TunedSpace
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.densenas.connections import END, STAGES
from nni_nasplus.spaces.densenas.plan import DenseMacro, Passed, architecture_of, decisions, genotype_of, passed
from nni_nasplus.spaces.images.baselines.beside import image_baselines
from nni_nasplus.spaces.images.baselines.residual import RATE
from nni_nasplus.spaces.images.recommended import recommended
from nni_nasplus.spaces.mobile.flow import flow_of
from nni_nasplus.spaces.mobile.network import MobileNetwork, blocks_of
from nni_nasplus.spaces.mobile.plan import LARGE

if TYPE_CHECKING:
    import networkx as nx

    from nni_nasplus.spaces.densenas.supernet import DenseNasSupernet

__all__ = ["PUBLISHED", "DenseNasSpace"]

PUBLISHED = {
    "DenseNAS-C": "24:mb6_3x3/48:mb6_7x7,mb3_3x3/72:mb6_5x5,mb6_3x3,mb3_3x3/128:mb6_3x3,mb3_3x3,mb3_3x3/"
    "160:mb6_3x3,mb3_7x7,mb6_5x5,mb3_7x7/176:mb3_3x3,mb6_3x3,mb6_3x3,mb6_3x3/384:mb6_7x7"
}
"""What the authors' code trains, at the published widths."""
_FORM = "24:mb6_3x3/48:mb6_7x7,mb3_3x3/…"


class DenseNasSpace(TunedSpace):
    """Routes through densely connected blocks: images [B, C, H, W] to logits [B, classes].

    There are 15,456 routes from the first of 17 blocks to the last convolution, over 54 connections. A block that is
    passed begins with an inverted residual block that brings images to its width; up to three more follow, of which
    the last stage has none. Each has a kernel of 3, 5 or 7, and an expansion of 3 or 6.

    Parameters
    ----------
    channels
        What all numbers of channels are in proportion to: 32 as published, of which the stem has half. Equal numbers
        mean equal sizes in :class:`~nni_nasplus.spaces.mobile.MobileSpace`.
    depth
        The most layers of a block after its first one, 3 as published.
    classes
        The number of logits.
    stem
        ``"cifar"`` divides the size of the images by 8 in all, ``"imagenet"`` by 32; by default imagenet from 64 pixels
        on.
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

    notation = "the width of each block, and the operations of its layers, then hyperparameters that are not first"

    def __init__(
        self,
        channels: int = 32,
        depth: int = 3,
        classes: int = 10,
        stem: Literal["cifar", "imagenet"] | None = None,
        in_channels: int = 3,
        size: int = 32,
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
    ) -> None:
        super().__init__()
        if size < 1:
            raise UserError(f"size is {size}; use 1 or more")
        usual = "imagenet" if size >= LARGE else "cifar"
        self.macro = DenseMacro(channels, depth, classes, in_channels, stem or usual)  # type: ignore[arg-type]
        self.size = size
        self.decide(self._tuned(decisions(self.macro), hyperparameters, fixed))

    @classmethod
    def recommended(cls, learning_rate: float = RATE) -> dict[str, Any]:
        """Arguments, beside the sizes of the data, of a space of training too; see recommended.py."""
        return recommended(learning_rate)

    def _network(self, architecture: Mapping[str, Any]) -> MobileNetwork:
        genotype, macro = genotype_of(architecture, self.macro), self.macro
        stem, last = (genotype.stem, macro.stem_stride), genotype.blocks[-1].channels
        return MobileNetwork(stem, blocks_of(genotype), last, genotype.head, macro.in_channels, macro.classes)

    def supernet(self, *, affine: bool = True, **sizes: Any) -> DenseNasSupernet:
        """A freshly initialised supernet of these sizes.

        Parameters
        ----------
        affine
            Whether the batch norms of what is searched have weights.
        sizes
            Other ones: fields of :class:`~nni_nasplus.spaces.densenas.DenseMacro`.

        Raises
        ------
        UserError
            If there is no such size, or it is too small.
        """
        from nni_nasplus.spaces.densenas.supernet import DenseNasSupernet

        supernet = DenseNasSupernet(resized(self, self.macro, sizes), affine=affine)
        supernet.besides = self._first
        return supernet

    def example(self) -> Tensor:
        """Make one black image [1, in_channels, size, size]."""
        return torch.zeros(1, self.macro.in_channels, self.size, self.size)

    def _notation(self, architecture: Architecture) -> str:
        """The blocks that are passed: ``24:mb6_3x3/48:mb6_7x7,mb3_3x3/…``."""
        blocks = passed(architecture)
        return "/".join(f"{self.macro.width(block)}:{','.join(names)}" for block, names in blocks)

    def _parsed(self, notation: str) -> Architecture:
        """A genotype, or that of a published network by its name where widths are the published ones."""
        if notation in PUBLISHED and self.macro.width(0) != STAGES[0][0]:
            raise UserError(f"{notation} has other widths than this space; use channels {2 * STAGES[0][0]}")
        text = "".join(PUBLISHED.get(notation, notation).split())
        return architecture_of([self._block(word) for word in text.split("/")], self.macro)

    def _block(self, word: str) -> Passed:
        width, colon, names = word.partition(":")
        numbers = {str(self.macro.width(block)): block for block in range(1, END)}
        if not colon or not names:
            raise UserError(f"'{word}' is no block; write the genotype as {_FORM}")
        if width not in numbers:
            raise UserError(f"there is no block of {width} channels; there are those of {', '.join(numbers)}")
        return numbers[width], names.split(",")

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the whole network, for drawing: see :mod:`~nni_nasplus.spaces.mobile.flow`."""
        valid = self.search_space.validate(architecture)
        places = [("first", "stem")]
        for block, names in passed(valid):
            width = self.macro.width(block)
            places += [(f"{width} {number}", f"block of {width}") for number in range(len(names))]
        return flow_of(genotype_of(valid, self.macro), self.macro.stem_stride, places, self.macro.classes)

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """A ResNet-20 of as many parameters as the winner and, where pixels are few, boosted trees, to tune."""
        shape = ImageShape(self.macro.classes, self.macro.in_channels, self.size)
        return image_baselines(winner, shape)
