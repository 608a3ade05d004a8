"""The evaluator of super-resolution."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from itertools import islice
from pathlib import Path

import pytorch_lightning as pl
from torch import nn
from torch.utils.data import DataLoader

from nni_nasplus.data.photos.encoder import PhotoEncoder
from nni_nasplus.data.photos.module import PhotoBatch, PhotoDataModule
from nni_nasplus.data.photos.preparation import names_in
from nni_nasplus.data.photos.side_by_side import SideBySide
from nni_nasplus.errors import UserError
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.superresolution.resolver import DIRECTIONS, SuperResolver
from nni_nasplus.training.superresolution.shown import side_by_side

__all__ = ["SuperResolution"]


@dataclass(frozen=True)
class SuperResolution(Evaluator):
    """Train networks that enlarge pictures; :class:`~nni_nasplus.training.evaluator.Evaluator` has the rest.

    Parameters
    ----------
    cache
        The folder that :func:`nni_nasplus.data.photos.prepare_photos` wrote.
    objective
        ``psnr``, ``ssim`` or ``loss``.
    batch_size
        Patches of a batch.
    patch
        Height and width of small patches.
    patches
        How many an epoch has.
    learning_rate
        Of Adam, where the cosine schedule begins.

    Raises
    ------
    UserError
        If the objective is unknown, or a number is out of range.
    """

    directions = DIRECTIONS
    hyperparameters = ("learning_rate",)

    cache: str
    _: KW_ONLY
    objective: str = "psnr"
    epochs: int = 10
    batch_size: int = 16
    patch: int = 24
    patches: int = 800
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("batch_size", "patch", "patches"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}; use 1 or more")
        if not isinstance(self.learning_rate, int | float) or not self.learning_rate > 0:
            raise UserError(f"learning_rate is {self.learning_rate!r}; use more than 0")
        object.__setattr__(self, "cache", str(Path(self.cache).resolve()))

    def data(self) -> PhotoDataModule:
        """A fresh data module over the cache."""
        return PhotoDataModule(self.cache, self.batch_size, self.patch, self.patches, self.seed)

    def validation_half(self) -> DataLoader[PhotoBatch]:
        """Patches of the pictures that validate."""
        return self.data().drawn("val")

    def task(self, network: nn.Module) -> pl.LightningModule:
        """A network in training."""
        factor = self.preprocessing().shape.scale_factor
        return SuperResolver(network, factor, learning_rate=self.learning_rate)

    def side_by_side(self, network: nn.Module, split: str, most: int) -> list[SideBySide]:
        """What the network makes of the first photographs of a split, beside interpolation and the originals."""
        data = self.data()
        names = names_in(self.cache, split)
        loader = {"val": data.val_dataloader, "test": data.test_dataloader}[split]()
        return [
            side_by_side(network, batch, data.shape.scale_factor, names[place] if names else f"photograph {place + 1}")
            for place, batch in enumerate(islice(loader, most))
        ]

    def preprocessing(self) -> PhotoEncoder:
        """What is known of the photographs."""
        return PhotoEncoder.load(self.cache)
