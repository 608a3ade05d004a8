"""The networks that TE-NAS scores for a space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from nni_nasplus.data.events.batch import EventShape
from nni_nasplus.errors import UserError
from nni_nasplus.networks.supernet import NONE, Supernet
from nni_nasplus.spaces.events import EventSequenceSpace, EventSupernet
from nni_nasplus.spaces.images import (
    ChainMacro,
    DartsSpace,
    DartsSupernet,
    Macro,
    NasBench201Space,
    NasBench201Supernet,
)
from nni_nasplus.strategies.te_nas.batches import PATCH, drawn_from, patches, windows

__all__ = ["Networks", "drawn_from", "networks_of", "patches"]

_HIDDEN = 4
"""Of the thin networks of events: with fewer, their layer norms would leave hardly anything."""
_RECENT = 64
"""Events that the networks of events are given."""


@dataclass(frozen=True)
class Networks:
    """The supernets of a search, of mode ``"sum"``, all operations ``none`` pruned.

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
    crops: Callable[[Any, int, torch.Generator], Any] = patches
    recent: int | None = None

    def __post_init__(self) -> None:
        for net in self.both:
            if net.mode != "sum":
                raise UserError(f"the supernet weighs its operations by a {net.mode}; make it with mode='sum'")
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


def networks_of(space: Any, **options: Any) -> Networks:
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
    if isinstance(space, EventSequenceSpace):
        return _events(space, options)
    if options:
        raise UserError(f"the supernet of {type(space).__name__} has no {next(iter(options))}; leave it out")
    if isinstance(space, NasBench201Space):
        return _nasbench201(space)
    if isinstance(space, DartsSpace):
        return _darts(space)
    if not hasattr(space, "supernet"):
        raise UserError(f"{type(space).__name__} has no supernet; TE-NAS prunes one: give it a Networks of your own")
    supernet: Supernet = space.supernet()
    supernet.mode = "sum"
    return Networks(supernet)


def _events(space: EventSequenceSpace, options: dict[str, Any]) -> Networks:
    kernel = space.supernet(**options)
    kernel.mode = "sum"
    shape = EventShape((), 1, space.shape.n_classes, PATCH, space.shape.periods)
    fixed = {"stem_kernel": "1", "stem_dropout": 0, **kernel.fixed}
    regions = EventSupernet(shape, fixed, _HIDDEN, 0.0, kernel.heads, mode="sum")
    return Networks(kernel, regions, prune=3, crops=windows, recent=_RECENT)


def _nasbench201(space: NasBench201Space) -> Networks:
    macro = replace(space.macro, channels=3, cells=1)
    thin = ChainMacro(channels=1, cells=1, classes=macro.classes, in_channels=1, stages=1, stem=False)
    return Networks(NasBench201Supernet(macro, mode="sum"), NasBench201Supernet(thin, mode="sum"))


def _darts(space: DartsSpace) -> Networks:
    large = space.macro.stem == "imagenet"
    macro = replace(space.macro, channels=2 if large else 1, layers=2, stem_multiplier=1, reductions=(1,))
    thin = Macro(1, 2, macro.classes, "none", 1, reductions=(1,))
    kernel, regions = (DartsSupernet(one, affine=True, mode="sum") for one in (macro, thin))
    return Networks(kernel, regions, edges_per_node=2, prune=3, examples=24 if large else 14)
