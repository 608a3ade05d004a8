"""Which operation for which block of a network that enlarges pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.networks.quantised.grids import require_bits
from nni_nasplus.networks.tuned_space import NOTHING, TunedSpace
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.spaces.superresolution.baselines import Bicubic, Srcnn, edsr
from nni_nasplus.spaces.superresolution.network import OPERATIONS, Enlarging, at_bits, operation
from nni_nasplus.spaces.superresolution.supernet import EnlargingSupernet

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["SuperResolutionSpace"]

_EXAMPLE = 24
"""Height and width of the small picture by which operations are counted: that of a patch."""

_LEAST_BITS = 2
"""One bit would leave two values of what a layer is given."""


class SuperResolutionSpace(TunedSpace):
    """Residual networks: an operation for each block, beside what interpolation gives.

    It is a small space of this package, in the manner of EDSR (Lim et al., arXiv 1707.02921); that of QuantNAS is
    larger, and differs.

    Parameters
    ----------
    scale_factor
        How many times as large pictures become.
    colours
        1 for grey pictures, 3 for colour.
    channels
        Of the blocks.
    blocks
        How many there are.
    bits
        What the convolutions of a block may have, decided together with its operation, as in conv3x3@4: 2 to 8, or 32
        for float. The first and the last convolution are float. None where all are.
    hyperparameters, fixed
        As in other spaces: what is decided beside the architecture, and what is held.

    Raises
    ------
    UserError
        If a size is less than 1, or there are no such bits.
    """

    def __init__(
        self,
        scale_factor: int = 2,
        colours: int = 3,
        channels: int = 16,
        blocks: int = 4,
        bits: Sequence[int] = (),
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
    ) -> None:
        super().__init__()
        for name, size in (("scale_factor", scale_factor), ("channels", channels), ("blocks", blocks)):
            if size < 1:
                raise UserError(f"{name} is {size}; use 1 or more")
        self.sizes = {"colours": colours, "factor": scale_factor, "channels": channels}
        self.count = blocks
        self.operations = at_bits(OPERATIONS, _some(bits) if bits else ())
        published = SearchSpace(dict.fromkeys(self._blocks, self.operations))
        self.decide(self._tuned(published, hyperparameters, fixed))

    @property
    def _blocks(self) -> Sequence[str]:
        return [f"block_{number}" for number in range(1, self.count + 1)]

    def _network(self, architecture: Mapping[str, Any]) -> nn.Module:
        channels = self.sizes["channels"]
        return Enlarging(**self.sizes, blocks=[operation(architecture[name], channels) for name in self._blocks])

    def supernet(self, **sizes: Any) -> EnlargingSupernet:
        """A freshly initialised supernet of the operations of all blocks, at all bits.

        Raises
        ------
        UserError
            If sizes are given: it has those of the networks.
        """
        if sizes:
            raise UserError(f"the supernet of SuperResolutionSpace has no {next(iter(sizes))}; leave it out")
        supernet = EnlargingSupernet(self.sizes, self.operations, self._blocks, _EXAMPLE)
        supernet.besides = self._first
        return supernet

    def example(self) -> Tensor:
        """Make a small picture, as large as a patch."""
        return torch.zeros(1, self.sizes["colours"], _EXAMPLE, _EXAMPLE)

    def _notation(self, architecture: Architecture) -> str:
        return "-".join(str(architecture[name]) for name in self._blocks)

    def _parsed(self, notation: str) -> Architecture:
        names = notation.split("-")
        if len(names) != self.count or not set(names) <= set(self.operations):
            example = "-".join([self.operations[0]] * self.count)
            raise UserError(f"genotype {notation!r} has not {self.count} operations; write them as in {example}")
        return dict(zip(self._blocks, names, strict=True))

    def graph(self, architecture: Mapping[str, Any]) -> nx.DiGraph:
        """Show the data flow of an architecture, for drawing: one step after the other."""
        import networkx as nx

        chosen = self.search_space.validate(architecture)
        steps = {"picture": "input", "conv 3×3": "op"}
        labels = {"picture": "small picture", "conv 3×3": "conv 3×3"}
        for name in self._blocks:
            steps[name], labels[name] = "op", f"+ {chosen[name]}"
        steps |= {"pixels": "op", "output": "output"}
        labels |= {"pixels": "conv 3×3, pixels", "output": "+ bicubic picture"}
        flow: nx.DiGraph = nx.DiGraph()
        for name, kind in steps.items():
            flow.add_node(name, label=labels[name], kind=kind, layer=name)
        nx.add_path(flow, steps)
        return flow

    def baselines(self, winner: nn.Module) -> dict[str, nn.Module]:
        """Bicubic interpolation, and SRCNN and EDSR in small."""
        factor, colours, channels = (self.sizes[name] for name in ("factor", "colours", "channels"))
        return {
            "bicubic": Bicubic(factor),
            "SRCNN": Srcnn(colours, factor, channels),
            "EDSR": edsr(colours, factor, channels, self.count),
        }


def _some(bits: Sequence[int]) -> Sequence[int]:
    """Bits of weights and of inputs; UserError where there are none such."""
    if min(known := require_bits(bits)) < _LEAST_BITS:
        raise UserError(f"bits is {known[0]}; use {_LEAST_BITS} to 8, or 32 for floats: inputs have them too")
    return known
