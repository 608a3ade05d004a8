"""Differentiable searches of small supernets, and steps of theirs without a trainer."""

from __future__ import annotations

from collections import Counter

import torch
from one_shot_searches import Classified
from supernets import DARTS_SPACE, NB201_SPACE
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import registry
from nni_nasplus.networks.supernet import MixedOperation
from nni_nasplus.one_shot.fit import made


class Pictures:
    """Stands in for an evaluator: 24 images of 8×8 pixels and 3 classes."""

    def __init__(self, count=24):
        generator = torch.Generator().manual_seed(0)
        self.pairs = TensorDataset(torch.randn(count, 3, 8, 8, generator=generator), torch.arange(count) % 3)

    def data(self):
        return self

    def train_dataloader(self):
        return DataLoader(self.pairs, 8, shuffle=True)

    validation_half = train_dataloader

    def task(self, network):
        return Classified(network)


def search(name, space=NB201_SPACE, count=24, **options):
    return made(registry.load("one_shot", name), space, Pictures(count), **options)


def darts_cells(name, **options):
    """Of one step an epoch."""
    return search(name, DARTS_SPACE, 8, **options)


def batch(count=8):
    images, labels = Pictures(count).pairs.tensors
    return {"train": (images, labels), "valid": (-images, labels)}


def randomised(search, spread=1.0, seed=3):
    """α of N(0, spread²)."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for alpha in search.alphas.values():
            alpha.copy_(spread * torch.randn(alpha.shape, generator=generator))
    return search


def calls(found):
    """How often each operation is computed from now on, by its place and name."""
    counted = Counter()
    for place, module in found.supernet.named_modules():
        if isinstance(module, MixedOperation):
            for name, operation in module.operations.items():
                operation.register_forward_hook(lambda *_, place=place, name=name: counted.update([(place, name)]))
    return counted
