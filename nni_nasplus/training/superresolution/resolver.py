"""Super-resolution as a Lightning module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from nni_nasplus.data.photos.module import PhotoBatch
from nni_nasplus.search.history import Direction

__all__ = ["DIRECTIONS", "SuperResolver", "luma", "measured"]

DIRECTIONS: Mapping[str, Direction] = {"psnr": "maximize", "ssim": "maximize", "loss": "minimize"}
_LUMA = (65.481, 128.553, 24.966)
"""Of red, green and blue in [0, 1]: ITU-R BT.601 in the range of television, from 16 to 235."""


class SuperResolver(pl.LightningModule):
    """The mean absolute error, by Adam under a cosine schedule to 0, as in EDSR (Lim et al., arXiv 1707.02921).

    Logs the loss, and PSNR in decibels and SSIM of the luma of each picture, without as many pixels at its borders as
    the factor is, as papers measure them; the mean over pictures.

    Parameters
    ----------
    network
        Maps pictures [B, C, h, w] in [0, 1] to pictures [B, C, h · factor, w · factor].
    factor
        The scale factor.
    learning_rate
        At the first step.
    """

    def __init__(self, network: nn.Module, factor: int, *, learning_rate: float = 1e-3) -> None:
        super().__init__()
        self.network = network
        self.factor = factor
        self.learning_rate = learning_rate

    def forward(self, low: Tensor) -> Tensor:
        """Pictures enlarged."""
        enlarged: Tensor = self.network(low)
        return enlarged

    def training_step(self, batch: PhotoBatch, batch_index: int) -> Tensor:
        """The mean absolute error of a batch of patches."""
        loss = nn.functional.l1_loss(self(batch.low), batch.label)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.label))
        return loss

    def validation_step(self, batch: PhotoBatch, batch_index: int) -> None:
        """Log ``val_*``."""
        self._measure(batch, "val")

    def test_step(self, batch: PhotoBatch, batch_index: int) -> None:
        """Log ``test_*``."""
        self._measure(batch, "test")

    def configure_optimizers(self) -> Any:
        """Adam; its learning rate falls at every step."""
        optimizer = torch.optim.Adam(self.parameters(), self.learning_rate)
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _measure(self, batch: PhotoBatch, split: str) -> None:
        found = measured(self(batch.low).float(), batch.label, self.factor)
        self.log_dict({f"{split}_{name}": value for name, value in found.items()}, on_epoch=True, batch_size=1)


def measured(enlarged: Tensor, label: Tensor, border: int) -> dict[str, Tensor]:
    """Loss, PSNR and SSIM of a picture [1, C, H, W] whose pixels were rounded to 8 bits.

    Parameters
    ----------
    border
        How many pixels at each border PSNR and SSIM leave out.
    """
    pixels = (enlarged.clamp(0, 1) * 255).round() / 255
    inner = (..., slice(border, -border), slice(border, -border))
    ours, whole = luma(pixels)[inner], luma(label)[inner]
    return {
        "loss": nn.functional.l1_loss(enlarged, label),
        "psnr": peak_signal_noise_ratio(ours, whole, data_range=1.0),
        "ssim": _one(structural_similarity_index_measure(ours, whole, data_range=1.0)),
    }


def luma(images: Tensor) -> Tensor:
    """Y of pictures [B, 3, H, W] in [0, 1], [B, 1, H, W] in [16/255, 235/255]; grey ones as they are."""
    if images.shape[1] == 1:
        return images
    weights = images.new_tensor(_LUMA).view(1, 3, 1, 1)
    return ((images * weights).sum(1, keepdim=True) + 16) / 255


def _one(value: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Torchmetrics gives several where it is asked for more."""
    return value[0] if isinstance(value, tuple) else value
