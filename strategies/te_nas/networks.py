"""The networks that TE-NAS scores for a space, and the examples it gives them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from nni_nasplus.errors import UserError
from nni_nasplus.scores.examples import count, inputs_of, mapped
from nni_nasplus.spaces.images import (
    ChainMacro,
    DartsSpace,
    DartsSupernet,
    Macro,
    NasBench201Space,
    NasBench201Supernet,
)
from nni_nasplus.supernet import NONE, Supernet

__all__ = ["PATCH", "Networks", "chosen", "drawn_from", "networks_of", "patches"]

PATCH = 3
"""Height and width of what linear regions are counted of."""


@dataclass(frozen=True)
class Networks:
    """The supernets of a search, of mode ``"sum"``, all operations ``none`` pruned.

    Parameters
    ----------
    kernel
        Of its kernel the condition number is taken.
    regions
        A thin one of the same edges and operations for patches of images [N, 1, 3, 3]; where None, linear regions are
        those of ``kernel`` and its own examples.
    edges_per_node
        How many edges lead to a node in the end; None for all.
    prune
        How many operations an edge loses in a round, as published.
    examples
        What the authors' code gives the kernel at a time.
    """

    kernel: Supernet
    regions: Supernet | None = None
    edges_per_node: int | None = None
    prune: int = 1
    examples: int = 72

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


def networks_of(space: Any) -> Networks:
    """The networks of the size that the paper takes for a space of images; of other spaces the space's own supernet.

    With the ImageNet stem, which begins with half of the channels, 2 are taken in place of 1.

    Raises
    ------
    UserError
        If the space has no supernet.
    """
    if isinstance(space, NasBench201Space):
        return _nasbench201(space)
    if isinstance(space, DartsSpace):
        return _darts(space)
    if not hasattr(space, "supernet"):
        raise UserError(f"{type(space).__name__} has no supernet; TE-NAS prunes one: give it a Networks of your own")
    supernet: Supernet = space.supernet()
    supernet.mode = "sum"
    return Networks(supernet)


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


def drawn_from(loader: Iterable[Any], examples: int) -> Any:
    """The first examples of a loader, of images without their labels, as one batch.

    Parameters
    ----------
    loader
        Of images [B, C, H, W], maybe the first of a pair, or of batches of events.

    Raises
    ------
    UserError
        If the loader has none.
    """
    batches: list[Any] = []
    for batch in loader:
        batches.append(_inputs(batch))
        if sum(map(count, batches)) >= examples:
            break
    if not batches:
        raise UserError("the loader has no examples; give one that has")
    whole = batches[0] if len(batches) == 1 else _joined(batches)
    return chosen(whole, torch.arange(min(examples, count(whole))))


def _inputs(batch: Any) -> Any:
    """Images alone; what has other fields as it is."""
    return batch[0] if isinstance(batch, (list, tuple)) and not hasattr(batch, "_fields") else inputs_of(batch)


def _joined(batches: list[Any]) -> Any:
    if isinstance(batches[0], Tensor):
        return torch.cat(batches)
    return type(batches[0])(*(torch.cat(fields) for fields in zip(*batches, strict=True)))


def chosen(batch: Any, rows: Tensor) -> Any:
    """Some examples of a batch."""
    return mapped(lambda field: field.index_select(0, rows.to(field.device)), batch)


def patches(images: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """Random crops of one random channel of random images; [number, 1, 3, 3].

    Parameters
    ----------
    images
        [N, C, H, W].
    """
    if min(images.shape[-2:]) < PATCH:
        raise UserError(f"the images are {tuple(images.shape[-2:])}; regions are counted of {PATCH}x{PATCH} pixels")
    limits = (*images.shape[:2], images.shape[2] - PATCH + 1, images.shape[3] - PATCH + 1)
    image, channel, y, x = (torch.randint(limit, (number, 1, 1), generator=generator) for limit in limits)
    offset = torch.arange(PATCH)
    at = [one.to(images.device) for one in (image, channel, y + offset[:, None], x + offset)]
    return images[at[0], at[1], at[2], at[3]].unsqueeze(1)
