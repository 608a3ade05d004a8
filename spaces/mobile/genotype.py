"""Networks of inverted residual blocks as data: their notation, and what its words mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from nni_nasplus.errors import UserError

__all__ = ["SKIP", "Block", "MobileGenotype", "Operation"]

SKIP = "skip_connect"
"""The operation of a block that is not there."""
_OPERATION = re.compile(r"(?:sep|mb([1-9]))_([3579])x\2(_se)?")
_NUMBER = re.compile(r"[1-9][0-9]{0,4}")
_BLOCK = re.compile(rf"(\w+):({_NUMBER.pattern})(?:/([12]))?")
_FORM = "32 sep_3x3:16 mb3_5x5:24/2 mb6_3x3_se:24 1280"


class Operation(NamedTuple):
    """An inverted residual block (MobileNetV2, arXiv 1801.04381) but for its channels and its stride."""

    kernel: int
    """Of the depthwise convolution: 3, 5, 7 or 9."""
    expansion: int | None
    """How many times the channels of the input it has; None for a depthwise separable convolution, which begins with
    the depthwise one."""
    squeeze: bool = False
    """Whether it has squeeze-excite (arXiv 1709.01507) of a quarter of the channels of its input, as in MnasNet."""

    @classmethod
    def parse(cls, name: str) -> Operation:
        """Read a name such as ``mb6_5x5_se`` or ``sep_3x3``.

        Raises
        ------
        UserError
            If it is no such name.
        """
        found = _OPERATION.fullmatch(name)
        if found is None:
            raise UserError(f"'{name}' is no block; write it as mb6_5x5, mb6_5x5_se or sep_3x3")
        expansion, kernel, squeeze = found.groups()
        return cls(int(kernel), int(expansion) if expansion else None, squeeze is not None)

    def __str__(self) -> str:
        begins = "sep" if self.expansion is None else f"mb{self.expansion}"
        return f"{begins}_{self.kernel}x{self.kernel}" + "_se" * self.squeeze


class Block(NamedTuple):
    """A block in its place."""

    operation: Operation
    channels: int
    """Of what it gives."""
    stride: int = 1

    def __str__(self) -> str:
        return f"{self.operation}:{self.channels}" + f"/{self.stride}" * (self.stride > 1)


@dataclass(frozen=True)
class MobileGenotype:
    """A whole network: what a published one is known by, whatever space it comes from.

    Parameters
    ----------
    stem, head
        The channels of the first convolution, of 3×3 and stride 2, and of the last one, of 1×1.
    blocks
        What is between them.
    """

    stem: int
    blocks: tuple[Block, ...]
    head: int

    @classmethod
    def parse(cls, text: str) -> MobileGenotype:
        """Read the channels of the stem, the blocks, and the channels of the head, with spaces between them.

        Raises
        ------
        UserError
            If the text is no such notation.
        """
        stem, *blocks, head = words if len(words := text.split()) > 2 else ["", "", ""]
        found = [_BLOCK.fullmatch(block) for block in blocks]
        if not (_NUMBER.fullmatch(stem) and _NUMBER.fullmatch(head) and all(found)):
            raise UserError(f"'{text}' is no mobile network; write it as '{_FORM}'")
        parts = [block.groups() for block in found if block]
        return cls(
            int(stem),
            tuple(Block(Operation.parse(name), int(channels), int(stride or 1)) for name, channels, stride in parts),
            int(head),
        )

    def __str__(self) -> str:
        return " ".join([str(self.stem), *map(str, self.blocks), str(self.head)])
