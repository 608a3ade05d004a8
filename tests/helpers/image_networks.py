"""Random architectures and weights of networks for images, and how weights are copied."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nni_nasplus.spaces.images import DartsSpace


def random_architecture(space: DartsSpace, seed: int) -> dict:
    return space.search_space.sample(np.random.default_rng(seed))


def randomise(network: nn.Module, seed: int) -> None:
    """Weights and statistics that no two layers share."""
    generator = torch.Generator().manual_seed(seed)
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.is_floating_point():
            tensor.data = 0.5 + torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)


def copy_in_order_of_use(source: nn.Module, target: nn.Module, example: torch.Tensor) -> None:
    used = []
    for network in (source, target):
        layers: list[nn.Module] = []
        kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
        hooks = [
            module.register_forward_hook(lambda module, *_, layers=layers: layers.append(module))
            for module in network.modules()
            if isinstance(module, kinds)
        ]
        network(example)
        for hook in hooks:
            hook.remove()
        used.append(layers)
    for theirs, ours in zip(*used, strict=True):
        ours.load_state_dict(theirs.state_dict())
