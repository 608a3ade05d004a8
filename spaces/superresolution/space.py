"""Which operation for which block of a network that enlarges pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.hyperparameters import Hyperparameters
from nni_nasplus.networks.tuned_space import NOTHING, TunedSpace
from nni_nasplus.search.space import Architecture, Choice, SearchSpace
from nni_nasplus.spaces.superresolution.baselines import Bicubic, Srcnn, edsr
from nni_nasplus.spaces.superresolution.network import OPERATIONS, Enlarging, operation

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["SuperResolutionSpace"]

_EXAMPLE = 24
"""Height and width of the small picture by which operations are counted: that of a patch."""


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
    hyperparameters, fixed
        As in other spaces: what is decided beside the architecture, and what is held.

    Raises
    ------
    UserError
        If a size is less than 1.
    """

    def __init__(
        self,
        scale_factor: int = 2,
        colours: int = 3,
        channels: int = 16,
        blocks: int = 4,
        hyperparameters: Hyperparameters = NOTHING,
        fixed: Mapping[str, Choice] = NOTHING,
    ) -> None:
        super().__init__()
        for name, size in (("scale_factor", scale_factor), ("channels", channels), ("blocks", blocks)):
            if size < 1:
                raise UserError(f"{name} is {size}; use 1 or more")
        self.sizes = {"colours": colours, "factor": scale_factor, "channels": channels}
        self.count = blocks
        published = SearchSpace({name: list(OPERATIONS) for name in self._blocks})
        self.decide(self._tuned(published, hyperparameters, fixed))

    @property
    def _blocks(self) -> Sequence[str]:
        return [f"block_{number}" for number in range(1, self.count + 1)]

    def _network(self, architecture: Mapping[str, Any]) -> nn.Module:
        channels = self.sizes["channels"]
        return Enlarging(**self.sizes, blocks=[operation(architecture[name], channels) for name in self._blocks])

    def example(self) -> Tensor:
        """Make a small picture, as large as a patch."""
        return torch.zeros(1, self.sizes["colours"], _EXAMPLE, _EXAMPLE)

    def _notation(self, architecture: Architecture) -> str:
        return "-".join(str(architecture[name]) for name in self._blocks)

    def _parsed(self, notation: str) -> Architecture:
        names = notation.split("-")
        if len(names) != self.count or not set(names) <= set(OPERATIONS):
            example = "-".join([OPERATIONS[0]] * self.count)
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
