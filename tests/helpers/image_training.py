"""A small residual network, and what evaluates it in a few steps."""

from __future__ import annotations

import torch

from nni_nasplus.data.images import ImageShape
from nni_nasplus.spaces.images.baselines.residual import ResNet
from nni_nasplus.training.images import ImageClassification


def small(seed=0):
    torch.manual_seed(seed)
    return ResNet(ImageShape(3, 3, 8), 16, blocks=1)


def evaluator(cache, **options):
    return ImageClassification(str(cache), **{"epochs": 2, "batch_size": 32, "crop": 1, **options})
