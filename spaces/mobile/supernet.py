"""The supernet of the mobile space: each place for a block is a mixture of all operations (arXiv 1812.00332)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.supernet import Edge, MixedOperation, Supernet, Terms
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.mobile.block import InvertedResidual
from nni_nasplus.spaces.mobile.genotype import SKIP, Operation
from nni_nasplus.spaces.mobile.network import MobileNetwork
from nni_nasplus.spaces.mobile.plan import Layer, MobileMacro, architecture_of, depth, operation

__all__ = ["MobileSupernet"]

_CELL = "blocks"


class MobileSupernet(Supernet):
    """Images [B, in_channels, H, W] → logits [B, classes], by mixtures of blocks; some may be left out.

    A block is left out by ``skip_connect``, which is alive in all places of a stage but the first. In the mixture any
    of these may be; in the architecture that is derived the blocks that are left keep their order, and those that are
    not there are the last of the stage: it is the same network.

    Parameters
    ----------
    operations
        What a block may be.
    affine
        Whether batch norms of blocks that are searched have weights.
    """

    def __init__(self, macro: MobileMacro, operations: Sequence[str], *, affine: bool = True) -> None:
        layers = macro.places
        super().__init__([Edge(_CELL, place, place + 1) for place in range(len(layers))], (*operations, SKIP))
        self.macro, self.layers = macro, layers
        first = InvertedResidual(macro.first.operation, macro.stem_channels, macro.first.channels, 1)
        mixtures = [_mixture(layer, operations, affine) for layer in layers]
        stem = macro.stem_channels, macro.stem_stride
        ends = layers[-1].n_out, macro.head, macro.in_channels, macro.classes
        self.net = MobileNetwork(stem, [first, *mixtures], *ends)
        self._kept: set[str] = set()
        for edge, layer in zip(self.edges, layers, strict=True):
            if not layer.may_skip:
                self.prune(edge, SKIP)

    def keep_to(self, choices: Mapping[str, Sequence[Any]]) -> None:
        """Prune what no architecture has whose decisions have these choices: depths and operations that are held."""
        self._kept = set(choices) - set(self.besides)
        for edge, layer in zip(self.edges, self.layers, strict=True):
            least = min(choices.get(depth(layer.stage), [1]))
            left = [*choices.get(operation(layer), ()), *([SKIP] if layer.number > least else [])]
            for name in self.alive(edge):
                if name not in left:
                    self.prune(edge, name)

    def hold(self, name: str, choice: Choice) -> None:
        """Nothing is left to do for depths and operations, which :meth:`keep_to` has held."""
        if name not in self._kept:
            super().hold(name, choice)

    def _run(self, x: Tensor, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        def run(number: int, block: nn.Module, x: Tensor) -> Tensor:
            found: Tensor = block(x, terms[_CELL][number - 1]) if number else block(x)
            return found

        return self.net(x, run)

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The operation of each block of an architecture, and a skip connection in the place of each that is not."""
        names = [str(architecture.get(operation(layer), SKIP)) for layer in self.layers]
        return list(zip(self.edges, names, strict=True))

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """In each place the operation that weighs most; blocks that are skipped are left out of their stage.

        Raises
        ------
        UserError
            If a place has no operation left.
        """
        rows = self._preferred(weights)[_CELL]
        if (gone := (rows == float("-inf")).all(-1)).any():
            raise UserError(f"place {int(gone.int().argmax())} has no operation left; prune fewer")
        stages: list[list[str]] = [[] for _ in self.macro.depths]
        for layer, best in zip(self.layers, rows.argmax(-1).tolist(), strict=True):
            if self.operations[best] != SKIP:
                stages[layer.stage - 1].append(self.operations[best])
        return {**architecture_of(stages, self.macro), **self.besides}


def _mixture(layer: Layer, operations: Sequence[str], affine: bool) -> MixedOperation:
    blocks: dict[str, nn.Module] = {
        name: InvertedResidual(Operation.parse(name), layer.n_in, layer.n_out, layer.stride, affine=affine)
        for name in operations
    }
    return MixedOperation({**blocks, SKIP: nn.Identity()})
