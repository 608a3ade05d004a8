"""``nasplus search --images``: classifiers of images."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Literal

from nni_nasplus.cli.tasks.base import Task
from nni_nasplus.cli.tasks.held import choices
from nni_nasplus.errors import UserError
from nni_nasplus.run.image_scales import NETWORK, SCALES, TRAINING

TYPE_CHECKING = False
"""As in :mod:`typing`, whose own jsonargparse takes for leave to import all that follows, which takes seconds."""
if TYPE_CHECKING:
    from nni_nasplus.training.evaluator import Evaluator
    from nni_nasplus.training.images import ImageClassification

__all__ = ["ImageTask"]


@dataclass(frozen=True, kw_only=True)
class ImageTask(Task):
    """Classify images.

    Parameters
    ----------
    images
        An .npz archive of x_train [N, S, S] or [N, S, S, 3], y_train [N], and likewise of val and test if they are
        known; or a folder with a folder of pictures for each class, directly or in train, val (valid, …) and test.
    skip_damaged
        Leave out pictures that cannot be read; else they are named, and nothing is begun.
    size
        The height and width to bring images to; by default as they are.
    scale
        The size of networks and training where no option says: as published for the space, which takes a GPU, or small,
        which brings images to 16×16 pixels and trains on 10,000 of them in well under a minute on a core.
    space
        What to search; one of the installed spaces.
    objective
        What the search optimises on validation images: accuracy or loss.
    epochs
        Passes over the training images.
    batch_size
        Images a batch.
    learning_rate
        Where the cosine schedule of SGD begins; held where it is given.
    tune
        Search the learning rate, the weight decay and, in spaces of DARTS, drop_path, in space mobile the width,
        together with the architecture; by default with --scale small. Training as published searches none of them.
    fix
        Decisions and hyperparameters to hold, as in --fix '[learning_rate=0.025, weight_decay=0.0003]'.
    crop
        Training images move by up to so many pixels.
    flip
        Mirror half of the training images; --flip=false where left and right differ.
    cutout
        The side in pixels of a square hidden in each training image; 0 for none.
    channels
        Of the first cells.
    layers
        Cells, in spaces of DARTS.
    cells
        In each stage, in spaces of NAS-Bench-201.
    depth
        The most blocks of a stage, in space mobile; the most layers of a block after its first, in densenas.
    width
        What all channels are multiplied by, in space mobile; held where it is given.
    squeeze
        Search squeeze-excite in blocks, too, in space mobile: --squeeze=false for none.
    stem
        For small images, cifar, or for large ones, imagenet, in spaces of DARTS, mobile and densenas.
    auxiliary
        Train with a second classifier at two thirds of the depth, in spaces of DARTS.
    drop_path
        How likely an operation is left out at the end of training, in spaces of DARTS.
    """

    data_argument: ClassVar[str] = "in_channels"
    noun: ClassVar[str] = "images"

    images: str
    skip_damaged: bool = False
    size: int | None = None
    scale: Literal["published", "small"] = "published"
    space: str = "darts"
    objective: str = "accuracy"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    tune: bool | None = None
    fix: list[str] | str = field(default_factory=list)
    crop: int | None = None
    flip: bool = True
    cutout: int | None = None
    channels: int | None = None
    layers: int | None = None
    cells: int | None = None
    depth: int | None = None
    width: float | None = None
    squeeze: bool | None = None
    stem: Literal["cifar", "imagenet"] | None = None
    auxiliary: bool | None = None
    drop_path: float | None = None

    def check(self, trials: int) -> None:
        """Raise :class:`UserError` naming what cannot work, before anything is read or written."""
        from nni_nasplus.data.images import Augmentation

        known = signature(self.space_class()).parameters
        if unknown := [name for name in NETWORK if name not in known and getattr(self, name) is not None]:
            raise UserError(f"--{unknown[0]} has no effect on space '{self.space}'; leave it out")
        self._require_positive("size", "epochs", "learning_rate", "channels", "layers", "cells", "depth", "width")
        Augmentation(self._value("crop"), self.flip, self._value("cutout"))
        self._check_choices(self._choices(), self._evaluator(""))

    def prepare(self, cache: Path, seed: int, trials: int) -> tuple[dict[str, Any], Evaluator]:
        """Write the images into a new folder; the arguments of the space, and the evaluator."""
        from nni_nasplus.data.images import prepare_images

        evaluator = self._evaluator(str(cache), seed=seed)
        prepare_images(self.images, out=cache, size=self._value("size"), seed=seed, skip_damaged=self.skip_damaged)
        try:
            sizes = {**evaluator.data().shape.to_json(), **self._network(), **self._choices()}
            self.space_class()(**sizes)
        except UserError:
            shutil.rmtree(cache)
            raise
        return sizes, evaluator

    def _evaluator(self, cache: str, **arguments: Any) -> ImageClassification:
        """What trains and scores."""
        from nni_nasplus.training.images import ImageClassification

        training = {name: self._value(name) for name in TRAINING}
        return ImageClassification(cache, objective=self.objective, **training, **arguments)

    def _choices(self) -> dict[str, Any]:
        """The arguments of the space that say what of the training is searched, and what is held."""
        options = {name: getattr(self, name) for name in ("learning_rate", "drop_path", "width")}
        usually, rate = "tune" in SCALES[self.scale], self._value("learning_rate")
        return choices(self.space_class(), self.space, rate, options, tune=self.tune, usually=usually, fix=self.fix)

    def _network(self) -> dict[str, Any]:
        """The space's arguments but those of the data; the space's own defaults where nothing is said."""
        known = signature(self.space_class()).parameters
        values = {name: self._value(name) for name in NETWORK if name in known}
        return {name: value for name, value in values.items() if value is not None}

    def _value(self, name: str) -> Any:
        value = getattr(self, name)
        return SCALES[self.scale].get(name) if value is None else value
