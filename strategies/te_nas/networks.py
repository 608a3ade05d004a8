"""The networks that TE-NAS scores for a space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import NONE, Supernet, supernet_of
from nni_nasplus.strategies.te_nas.batches import PATCH, patches, windows

__all__ = ["Networks", "networks_of"]

Crops = Callable[[Any, int, torch.Generator], Any]


@dataclass(frozen=True)
class Networks:
    """The supernets of a search, all operations ``none`` pruned.

    Parameters
    ----------
    kernel
        Of its kernel the condition number is taken.
    regions
        A thin one of the same edges and operations for what ``crops`` gives; where None, linear regions are those of
        ``kernel`` and its own examples.
    edges_per_node
        How many edges lead to a node in the end; None for all.
    prune
        How many operations an edge loses in a round, as published.
    examples
        What the authors' code gives the kernel at a time.
    crops
        Draws as many small examples for ``regions`` from large ones: patches of images [N, 1, 3, 3], or windows of
        events.
    recent
        How many of the most recent events of each example there are; None for all.
    """

    kernel: Supernet
    regions: Supernet | None = None
    edges_per_node: int | None = None
    prune: int = 1
    examples: int = 72
    crops: Crops = patches
    recent: int | None = None

    def __post_init__(self) -> None:
        for net in self.both:
            if (net.edges, net.operations) != (self.kernel.edges, self.kernel.operations):
                raise UserError("the two supernets have other edges or operations; make both of one space")
            for edge in net.edges:
                if NONE in net.alive(edge) and len(net.alive(edge)) > 1:
                    net.prune(edge, NONE)
        if self.regions is not None:
            self.regions.masks = self.kernel.masks

    @property
    def both(self) -> list[Supernet]:
        """The one or two supernets."""
        return [self.kernel] if self.regions is None else [self.kernel, self.regions]


@dataclass(frozen=True)
class _Sizes:
    """Of both supernets, as arguments of a space's ``supernet``; ``others`` are those of :class:`Networks`."""

    kernel: Mapping[str, Any] = field(default_factory=dict)
    regions: Mapping[str, Any] | None = None
    others: Mapping[str, Any] = field(default_factory=dict)


_NAS_BENCH_201 = _Sizes(
    kernel={"channels": 3, "cells": 1},
    regions={"channels": 1, "cells": 1, "in_channels": 1, "stages": 1, "stem": False},
)
_CELLS = {"channels": 1, "layers": 2, "reductions": (1,), "affine": True}
_DARTS = _Sizes(
    kernel={**_CELLS, "stem_multiplier": 1},
    regions={**_CELLS, "stem": "none", "in_channels": 1},
    others={"edges_per_node": 2, "prune": 3, "examples": 14},
)
_DARTS_OF_IMAGENET = _Sizes(
    kernel={**_DARTS.kernel, "channels": 2},  # the stem begins with half of them
    regions=_DARTS.regions,
    others={**_DARTS.others, "examples": 24},
)
_EVENTS = _Sizes(
    # narrower than 4, the layer norms would leave hardly anything
    regions={"cardinalities": (), "n_numeric": 1, "max_length": PATCH, "hidden": 4, "dropout": 0.0},
    others={"prune": 3, "crops": windows, "recent": 64},
)
_SIZES = {
    "NasBench201Space": _NAS_BENCH_201,
    "DartsSpace": _DARTS,
    "DartsSpace imagenet": _DARTS_OF_IMAGENET,
    "EventSequenceSpace": _EVENTS,
}
"""By the name of a space's class, and of its stem where that matters: the paper's for images.

Other spaces are searched in their own supernet alone.
"""


def networks_of(space: NetworkSpace, **options: Any) -> Networks:
    """The networks of the size that the paper takes for a space of images; of other spaces the space's own supernet.

    With the ImageNet stem, which begins with half of the channels, 2 are taken in place of 1.

    For a space of events the kernel is that of the space's own supernet, for each user's 64 most recent events. Its
    regions are those of a thin one, 4 wide, for windows of three events and one column. As in DARTS, which has as many
    operations, an edge loses three in a round. No operation here has a ReLU: counted are the signs of what goes into
    the Mish of the feed-forward layers and of the head, which are there whatever is pruned.

    Parameters
    ----------
    options
        Of the space's ``supernet``, such as ``encoder_layers=2`` for a space of events.

    Raises
    ------
    UserError
        If the space has no supernet, or its supernet no such options.
    """
    sizes = _sizes_of(space)
    kernel = supernet_of(space, **{**sizes.kernel, **options})
    if not kernel.classifies:
        raise UserError(
            f"tenas scores classifiers, and {type(space).__name__} makes language models; use darts or spos"
        )
    regions = None if sizes.regions is None else supernet_of(space, **{**sizes.regions, **options})
    return Networks(kernel, regions, **sizes.others)


def _sizes_of(space: NetworkSpace) -> _Sizes:
    stem = getattr(getattr(space, "macro", None), "stem", None)
    names = (name for kind in type(space).__mro__ for name in (f"{kind.__name__} {stem}", kind.__name__))
    return next((_SIZES[name] for name in names if name in _SIZES), _Sizes())
