"""What stands beside a winner, whatever its space."""

from __future__ import annotations

from torch import nn

from nni_nasplus.data.images.arrays import ImageShape
from nni_nasplus.spaces.images.baselines.pixels import BoostedPixels, are_few
from nni_nasplus.spaces.images.baselines.residual import ResNets, width_like

__all__ = ["image_baselines"]


def image_baselines(winner: nn.Module, shape: ImageShape) -> dict[str, nn.Module]:
    """Spaces to tune: ResNet-20 of as nearly as can be as many parameters, and boosted trees where pixels are few."""
    sizes = shape.to_json()
    plain = {"ResNet-20": ResNets(**sizes, width=width_like(winner, shape))}
    return {**plain, "boosting": BoostedPixels(**sizes)} if are_few(shape) else {**plain}
