"""Networks for phones, of inverted residual blocks, as an NNI model space.

The blocks and widths are those of ProxylessNAS (arXiv 1812.00332), which searched the place of MobileNetV2's blocks
(arXiv 1801.04381), and squeeze-excite is searched as in MnasNet (arXiv 1807.11626). NNI's ``ProxylessNAS`` is for large
colour images of ImageNet alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from nni_nasplus.data.images.arrays import ImageShape
from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.networks.supernet import resized
from nni_nasplus.networks.tuned_space import NOTHING, TunedSpace
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.images.baselines.beside import image_baselines
from nni_nasplus.spaces.images.baselines.residual import RATE
from nni_nasplus.spaces.images.recommended import recommended
from nni_nasplus.spaces.mobile.flow import graph_of
from nni_nasplus.spaces.mobile.genotype import MobileGenotype, Operation
from nni_nasplus.spaces.mobile.network import MobileNetwork, blocks_of
from nni_nasplus.spaces.mobile.plan import (
    LARGE,
    OPERATIONS,
    MobileMacro,
    architecture_of,
    decisions,
    genotype_of,
    operation,
)
from nni_nasplus.spaces.mobile.published import PUBLISHED, named

if TYPE_CHECKING:
    import networkx as nx

    from nni_nasplus.networks.path_supernet import PathSupernet
    from nni_nasplus.spaces.mobile.supernet import MobileSupernet

__all__ = ["MobileSpace"]

_WIDTHS = [1.0, 0.75, 1.25]
"""Multipliers that are searched where training is; those of MobileNetV2 are .35 to 1.4."""


class MobileSpace(TunedSpace):
    """Networks of inverted residual blocks in six stages: images [B, C, H, W] to logits [B, classes].

    Each stage decides how many blocks it has, and each block its kernel (3, 5 or 7), its expansion (3 or 6), and
    whether it has squeeze-excite.

    Parameters
    ----------
    channels
        The number of channels of the stem: 32 as published, to which all others are in proportion.
    depth
        The most blocks of a stage, 4 as published; the last stage has one.
    width
        What the numbers of channels are multiplied by, those of the head only where it is more than 1.
    squeeze
        Whether blocks with squeeze-excite are among the choices.
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
        What is decided beside the architecture, as choices by name: ``width`` is the network's, in place of the
        argument, the others are for the evaluator.
    fixed
        Choices of decisions, or of hyperparameters, that are held: all architectures have them.

    Raises
    ------
    UserError
        If a size is too small, a hyperparameter is called like a decision, or what is held is no choice.
    """

    def __init__(
        self,
        channels: int = 32,
        depth: int = 4,
        width: float = 1.0,
        squeeze: bool = True,
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
        self.macro = MobileMacro(channels, depth, width, classes, in_channels, stem or usual)  # type: ignore[arg-type]
        self.size, self.squeeze = size, squeeze
        for wanted in hyperparameters.get("width", ()):
            self._macro({"width": wanted})
        self.decide(self._tuned(decisions(self.macro, self.operations), hyperparameters, fixed))

    @classmethod
    def recommended(cls, learning_rate: float = RATE) -> dict[str, Any]:
        """Arguments, beside the sizes of the data, of a space of training and of widths too."""
        return recommended(learning_rate, width=list(_WIDTHS))

    @property
    def operations(self) -> tuple[str, ...]:
        """What a block may be."""
        return tuple(name for name in OPERATIONS if self.squeeze or not Operation.parse(name).squeeze)

    def _macro(self, architecture: Mapping[str, Any]) -> MobileMacro:
        """The sizes at the width that an architecture decides, if it does."""
        return resized(self, self.macro, {name: architecture[name] for name in ("width",) if name in architecture})

    def _network(self, architecture: Mapping[str, Any]) -> MobileNetwork:
        macro = self._macro(architecture)
        network = self._built(genotype_of(architecture, macro), macro.stem_stride)
        places = ["0", *(f"{one.stage}/{one.number}" for one in macro.places if operation(one) in architecture)]
        for block, place in zip(network.blocks, places, strict=True):
            block.place = place  # type: ignore[assignment]
        return network

    def _built(self, genotype: MobileGenotype, stride: int) -> MobileNetwork:
        ends = genotype.blocks[-1].channels, genotype.head
        stem = genotype.stem, stride
        return MobileNetwork(stem, blocks_of(genotype), *ends, self.macro.in_channels, self.macro.classes)

    def build_genotype(self, genotype: MobileGenotype | str) -> MobileNetwork:
        """Make any network of inverted residual blocks, those outside the space included, at its own widths.

        Parameters
        ----------
        genotype
            An object, a published name, such as ``MobileNetV2`` or ``MnasNet-A1``, or its notation. The stem has
            stride 2, whatever that of the space is.

        Returns
        -------
        A network of images [B, in_channels, H, W]. Torch's global generator draws its weights.

        Raises
        ------
        UserError
            If the text is no genotype.
        """
        return self._built(named(genotype) if isinstance(genotype, str) else genotype, 2)

    def supernet(self, *, affine: bool = True, **sizes: Any) -> MobileSupernet:
        """A freshly initialised supernet of these sizes.

        Parameters
        ----------
        affine
            Whether the batch norms of the blocks that are searched have weights.
        sizes
            Other ones: fields of :class:`~nni_nasplus.spaces.mobile.MobileMacro`.

        Raises
        ------
        UserError
            If there is no such size, or it is too small.
        """
        from nni_nasplus.spaces.mobile.supernet import MobileSupernet

        macro = resized(self, self._macro(self._first), sizes)
        supernet = MobileSupernet(macro, self.operations, affine=affine)
        supernet.besides = self._first
        if self.fixed:
            supernet.keep_to(self.search_space.decisions)
        return supernet

    def path_supernet(self, **sizes: Any) -> PathSupernet:
        """A freshly initialised supernet of every decision, whose paths are the networks of the space.

        Widths, expansions, kernels and blocks share weights; hyperparameters of training are the first choices.

        Parameters
        ----------
        sizes
            Choices that are held, and arguments of the space that are to differ from its own, as in ``channels=8``.

        Raises
        ------
        UserError
            If a size is neither, or a choice is none of its choices.
        """
        from nni_nasplus.networks.path_supernet import PathSupernet
        from nni_nasplus.spaces.mobile.paths import covering, sharing

        own = {name: sizes.pop(name) for name in self._arguments if name in sizes and name not in self.hyperparameters}
        if own:
            return MobileSpace(**{**self._arguments, **own}).path_supernet(**sizes)
        space = self.search_space.held(sizes)
        shapeless = [name for name in self.hyperparameters if name != "width"]
        return PathSupernet(space, self._network, covering(space), sharing, shapeless=shapeless)

    @property
    def _arguments(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("squeeze", "size", "hyperparameters", "fixed")}
        return {**asdict(self.macro), **own}

    def example(self) -> Tensor:
        """Make one black image [1, in_channels, size, size]."""
        return torch.zeros(1, self.macro.in_channels, self.size, self.size)

    def _notation(self, architecture: Architecture) -> str:
        """The operations of each stage: ``mb3_5x5,mb3_3x3/mb3_7x7_se/…``."""
        stages: dict[int, list[str]] = {}
        for layer in self.macro.places:
            if operation(layer) in architecture:
                stages.setdefault(layer.stage, []).append(str(architecture[operation(layer)]))
        return "/".join(",".join(names) for names in stages.values())

    def _parsed(self, notation: str) -> Architecture:
        """A genotype, or a published network by its name where the space has it, as ``ProxylessNAS-mobile``."""
        if notation in PUBLISHED:
            return self._published(notation)
        return architecture_of([stage.split(",") for stage in "".join(notation.split()).split("/")], self.macro)

    def _published(self, name: str) -> Architecture:
        genotype, rest = named(name), list(named(name).blocks[1:])
        found: dict[int, list[str]] = {stage: [] for stage in range(1, len(self.macro.depths) + 1)}
        for layer in self.macro.places:
            if rest and (rest[0].channels, rest[0].stride) == (layer.n_out, layer.stride):
                found[layer.stage].append(str(rest.pop(0).operation))
        architecture = architecture_of(list(found.values()), self.macro) if not rest and all(found.values()) else {}
        if not architecture or genotype_of(architecture, self.macro) != genotype:
            raise UserError(f"{name} has other widths or stages than this space; make it with build_genotype")
        return architecture

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the whole network, for drawing: see :mod:`~nni_nasplus.spaces.mobile.flow`."""
        valid = self.search_space.validate(architecture)
        return graph_of(valid, self._macro(valid))

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """A ResNet-20 of as many parameters as the winner and, where pixels are few, boosted trees, to tune."""
        shape = ImageShape(self.macro.classes, self.macro.in_channels, self.size)
        return image_baselines(winner, shape)
