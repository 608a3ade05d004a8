"""The network around inverted residual blocks: a stem, blocks, a 1×1 convolution, a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from torch import Tensor, nn

from nni_nasplus.networks.costs.parts import named
from nni_nasplus.spaces.mobile.block import InvertedResidual, conv_bn
from nni_nasplus.spaces.mobile.genotype import MobileGenotype

__all__ = ["MobileNetwork", "blocks_of"]


class MobileNetwork(nn.Module):
    """Images [B, in_channels, H, W] → logits [B, classes].

    Parameters
    ----------
    stem
        Channels and stride of the first convolution, of 3×3.
    blocks
        One after the other.
    last
        The channels that the blocks end with.
    head
        The channels of the 1×1 convolution after them.
    """

    def __init__(
        self, stem: tuple[int, int], blocks: Iterable[nn.Module], last: int, head: int, in_channels: int, classes: int
    ) -> None:
        super().__init__()
        channels, stride = stem
        self.stem = named(conv_bn(in_channels, channels, 3, stride), "conv_3x3")
        self.blocks = nn.ModuleList(blocks)
        self.head = named(conv_bn(last, head, 1), "conv_1x1")
        self.classifier = named(nn.Linear(head, classes), "linear")

    def forward(self, images: Tensor, run: Callable[[int, nn.Module, Tensor], Tensor] | None = None) -> Tensor:
        """Logits [B, classes].

        Parameters
        ----------
        run
            Called with a block's number, the block, and its input, in place of calling the block.
        """
        x = self.stem(images)
        for number, block in enumerate(self.blocks):
            x = block(x) if run is None else run(number, block, x)
        return self.classifier(self.head(x).mean((2, 3)))


def blocks_of(genotype: MobileGenotype) -> list[nn.Module]:
    """Freshly initialised blocks of a network."""
    channels = [genotype.stem, *(block.channels for block in genotype.blocks)]
    return [
        InvertedResidual(block.operation, n_in, block.channels, block.stride)
        for n_in, block in zip(channels, genotype.blocks, strict=False)
    ]
