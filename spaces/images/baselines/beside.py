"""What stands beside a winner, whatever its space."""

from __future__ import annotations

from torch import nn

from nni_nasplus.data.images.arrays import ImageShape
from nni_nasplus.spaces.images.baselines.pixels import BoostedPixels, are_few
from nni_nasplus.spaces.images.baselines.residual import RATE, ResNets, width_like

__all__ = ["image_baselines"]


def image_baselines(winner: nn.Module, shape: ImageShape, learning_rate: float = RATE) -> dict[str, nn.Module]:
    """Spaces to tune: ResNet-20 of as nearly as can be as many parameters, and boosted trees where pixels are few.

    Parameters
    ----------
    learning_rate
        What is tried first of the ResNet.
    """
    sizes = shape.to_json()
    plain = {"ResNet-20": ResNets(**sizes, width=width_like(winner, shape), learning_rate=learning_rate)}
    return {**plain, "boosting": BoostedPixels(**sizes)} if are_few(shape) else {**plain}
