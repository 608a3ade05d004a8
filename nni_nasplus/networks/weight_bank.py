"""Weights that many networks share: each is as large as the largest network needs it, and the others take its corner.

As in *once for all* (Cai et al., arXiv 1908.09791) and AutoFormer (Chen et al., arXiv 2107.00651), where a narrow layer
is the first channels of a wide one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from torch import Tensor, nn

__all__ = ["Place", "Shared", "Sharing", "WeightBank"]


class Place(NamedTuple):
    """What a weight of a network is in the bank: the corner of the weight of this name."""

    name: str
    axes: tuple[int, ...]
    """The shape of the corner. It is that of the weight, or one with an axis for each group of rows, such as the gates
    of a recurrent layer, so that a narrow layer takes the first rows of each group."""
    centred: int = 0
    """How many of the last axes are taken from the middle, as those of a small kernel."""


class Shared(NamedTuple):
    """A parameter or buffer of a network: the module that has it, under what name, and its place."""

    module: nn.Module
    leaf: str
    place: Place


Sharing = Callable[[nn.Module], Iterable[Shared]]
"""All parameters of a network, and its buffers; those that are left out are its own."""


class WeightBank(nn.Module):
    """The weights of networks that share what has the same place.

    Parameters
    ----------
    networks
        Freshly initialised, of which each place is filled by the one that needs most of it. Whatever network is lent
        weights later has its places among theirs.
    sharing
        Says the places; those of buffers have equal axes in all networks.

    Raises
    ------
    ValueError
        If two networks need more of one place than each other, along different axes.
    """

    def __init__(self, networks: Iterable[nn.Module], sharing: Sharing) -> None:
        super().__init__()
        self.sharing = sharing
        for network in networks:
            self._take(network)

    def lend(self, network: nn.Module) -> None:
        """Replace the weights of a network by those shared; gradients flow back to the bank.

        Buffers are those of the bank themselves.

        Raises
        ------
        AttributeError
            If a place is not in the bank.
        """
        for module, leaf, place in self.sharing(network):
            if leaf in module._buffers:
                module._buffers[leaf] = getattr(self, _key(place))
            else:
                shape = module._parameters[leaf].shape  # type: ignore[union-attr]
                module._parameters[leaf] = self._corner(place).reshape(shape)  # type: ignore[assignment]

    def _take(self, network: nn.Module) -> None:
        """Keep what is new, or larger than what is there."""
        for module, leaf, place in self.sharing(network):
            value, key = getattr(module, leaf), _key(place)
            kept = getattr(self, key, None)
            if kept is not None and _fits(place.axes, kept.shape):
                continue
            if kept is not None and not _fits(kept.shape, place.axes):
                raise ValueError(f"{place.name} is {tuple(kept.shape)} and {place.axes}; give a network that has both")
            if leaf in module._buffers:
                self.register_buffer(key, value)
            else:
                self.register_parameter(key, nn.Parameter(value.detach().reshape(place.axes)))

    def _corner(self, place: Place) -> Tensor:
        weight: Tensor = getattr(self, _key(place))
        if weight.shape == place.axes:
            return weight
        first = len(place.axes) - place.centred
        begins = [
            (whole - part) // 2 if axis >= first else 0
            for axis, (part, whole) in enumerate(zip(place.axes, weight.shape, strict=True))
        ]
        return weight[tuple(slice(start, start + size) for start, size in zip(begins, place.axes, strict=True))]


def _key(place: Place) -> str:
    return place.name.replace(".", "/")  # modules have no names with dots


def _fits(corner: Iterable[int], whole: Iterable[int]) -> bool:
    return all(part <= size for part, size in zip(corner, whole, strict=True))
