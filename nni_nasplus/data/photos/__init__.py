"""Photographs, and the same made small: preparation.py reads and reduces them, encoder.py knows what they are, and
module.py draws patches of them for training and gives them whole for validation and test."""

from nni_nasplus.data.photos.encoder import PhotoEncoder, PhotoShape
from nni_nasplus.data.photos.module import PhotoBatch, PhotoDataModule
from nni_nasplus.data.photos.preparation import prepare_photos

__all__ = ["PhotoBatch", "PhotoDataModule", "PhotoEncoder", "PhotoShape", "prepare_photos"]
