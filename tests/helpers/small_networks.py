"""A small network of every space, a batch for it, and the settings of random cases."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import settings
from torch import nn

from nni_nasplus.proxies import (
    random_batch,
)
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, RecurrentCellSpace

N = 6
cases = settings(max_examples=25, deadline=None, database=None)
SPACES = {
    "nasbench201": lambda: NasBench201Space(channels=4, cells=1, size=8),
    "darts": lambda: DartsSpace(channels=4, layers=3, size=8),
    "mobile": lambda: MobileSpace(channels=8, depth=2, size=8),
    "events": lambda: EventSequenceSpace(max_length=9, hidden=4),
    "rnn": lambda: RecurrentCellSpace(30, 8, 10, 2),
    "darts-rnn": lambda: DartsRecurrentSpace(30, 8, 1),
}
GENOTYPES = {
    "nasbench201": "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|",
    "darts": "DARTS_V2",
    "mobile": "mb3_3x3/mb3_5x5_se,mb6_3x3/mb3_3x3/mb3_3x3/mb3_3x3/mb3_3x3",
    "events": "01|1|agc1|44,12|00",
    "rnn": "lstm",
    "darts-rnn": "DARTS_V2",
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def case(name):
    """A network of a space, and a batch for it."""
    space = SPACES[name]()
    torch.manual_seed(0)
    network = space.build(space.parse_genotype(GENOTYPES[name]))
    return network, random_batch(space, N, generator())


def chain(*widths, bias=False):
    """Linear layers with ReLUs between them."""
    torch.manual_seed(0)
    layers = [nn.Linear(a, b, bias=bias) for a, b in pairwise(widths)]
    return nn.Sequential(*(m for layer in layers for m in (layer, nn.ReLU())))[:-1]
