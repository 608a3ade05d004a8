"""What stands beside a search: interpolation, the first network for it, and the residual one, in small."""

from __future__ import annotations

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor, nn

from nni_nasplus.spaces.superresolution.network import FREE_AXES, Enlarging, enlarged, operation, silent

__all__ = ["Bicubic", "Srcnn", "edsr"]


class Bicubic(nn.Module):
    """Bicubic interpolation; there is nothing to learn."""

    free_axes = FREE_AXES

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.register_buffer("enlarges", torch.tensor(float(factor)))

    @property
    def rounds(self) -> int:
        """Once, as it were."""
        return 1

    def fit_to(self, data: LightningDataModule, seed: int, rounds: int | None = None) -> None:
        """Nothing."""

    def forward(self, low: Tensor) -> Tensor:
        return enlarged(low, self.factor)


class Srcnn(nn.Module):
    """Three convolutions of 9, 1 and 5 pixels on the bicubic picture (Dong et al., arXiv 1501.00092).

    The published widths are 64 and 32; here they are twice and once ``channels``, and what the layers give is added to
    the bicubic picture.
    """

    free_axes = FREE_AXES

    def __init__(self, colours: int, factor: int, channels: int) -> None:
        super().__init__()
        self.factor = factor
        self.layers = nn.Sequential(
            nn.Conv2d(colours, 2 * channels, 9, padding=4),
            nn.ReLU(),
            nn.Conv2d(2 * channels, channels, 1),
            nn.ReLU(),
            silent(nn.Conv2d(channels, colours, 5, padding=2)),
        )

    def forward(self, low: Tensor) -> Tensor:
        x = enlarged(low, self.factor)
        return x + self.layers(x)


def edsr(colours: int, factor: int, channels: int, blocks: int) -> Enlarging:
    """All blocks of two convolutions of 3×3 pixels, as published but for the width and the depth."""
    return Enlarging(colours, factor, channels, [operation("conv3x3", channels) for _ in range(blocks)])
