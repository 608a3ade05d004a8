"""This room turns archives and folders of labelled pictures into memory-mapped arrays, and these into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.data.images.arrays import ImageBatch, ImageShape
    from nni_nasplus.data.images.augmentation import Augmentation
    from nni_nasplus.data.images.encoder import ImageEncoder
    from nni_nasplus.data.images.given import GivenImages
    from nni_nasplus.data.images.module import ImageDataModule
    from nni_nasplus.data.images.preparation import prepare_images

__all__ = [
    "Augmentation",
    "GivenImages",
    "ImageBatch",
    "ImageDataModule",
    "ImageEncoder",
    "ImageShape",
    "prepare_images",
]

__getattr__ = lazy(
    __name__,
    {
        "Augmentation": "augmentation",
        "GivenImages": "given",
        "ImageBatch": "arrays",
        "ImageDataModule": "module",
        "ImageEncoder": "encoder",
        "ImageShape": "arrays",
        "prepare_images": "preparation",
    },
)
