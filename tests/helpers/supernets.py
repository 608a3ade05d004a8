"""One small supernet of each kind."""

from __future__ import annotations

import torch
from event_examples import SHAPE

from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.spaces.events import EventSupernet
from nni_nasplus.spaces.events.genotype import parse
from nni_nasplus.spaces.images import (
    DartsSpace,
    DartsSupernet,
    NasBench201Space,
    NasBench201Supernet,
)

DARTS_SPACE = DartsSpace(channels=2, layers=3, classes=3, size=8, drop_path=0.0)
NB201_SPACE = NasBench201Space(channels=2, cells=1, classes=3, size=8)
EVENTS = parse("01|1|agc1,g|44,12|00")


def darts(**options) -> DartsSupernet:
    return DartsSupernet(DARTS_SPACE.macro, **options)


def nasbench201(**options) -> NasBench201Supernet:
    return NasBench201Supernet(NB201_SPACE.macro, **options)


def events(**options) -> EventSupernet:
    return EventSupernet(SHAPE, EVENTS, hidden=8, dropout=0.0, **options)


def random_weights(supernet: Supernet, seed: int) -> dict[str, torch.Tensor]:
    """Of the operations by kind of cell, [E, O], 1 in all on each edge."""
    generator = torch.Generator().manual_seed(seed)
    return {cell: torch.randn(mask.shape, generator=generator).softmax(-1) for cell, mask in supernet.masks.items()}
