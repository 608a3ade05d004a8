"""Images to a network's input: what ``prepare_images`` measures on training images and applies to all, new ones too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nni_nasplus._files import damage_named, typed, write_json
from nni_nasplus.data.images.arrays import ImageShape, as_tensor
from nni_nasplus.data.images.given import GivenImages
from nni_nasplus.data.images.source import read_new_images
from nni_nasplus.data.preprocessing import Preprocessing, read_versioned, require_classes, require_equal
from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

__all__ = ["ImageEncoder"]

_FILE = "preprocessing.json"
_VERSION = 1
"""To be counted up when files of before can no longer be read."""
_AT_ONCE = 128
"""Images that are measured or predicted at a time: as float64 all of them take eight times the memory."""
_EXAMPLE = 32
"""Pixels a side: more of them prove no more of a network and take as long as they are many."""
_CONSTANT = 1e-6
"""The share of a channel's mean up to which its deviation is rounding."""


@dataclass(frozen=True)
class ImageEncoder(Preprocessing):
    """Scales each channel to mean 0 and variance 1 over the training images.

    Parameters
    ----------
    classes
        Label values by class.
    size
        Height and width of the images.
    resized
        Whether images of other sizes are brought to it.
    mean, std
        The mean and the deviation of each channel; the deviation of one that is constant is taken for 1.
    """

    source: ClassVar[str] = "images"

    classes: tuple[Any, ...]
    size: int
    resized: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def fit(cls, images: NDArray[Any], classes: tuple[Any, ...], *, resized: bool) -> ImageEncoder:
        """Measure training images [N, S, S, C]."""
        total = np.zeros((2, images.shape[3]))
        for part in _parts(images):
            exact = part.astype(np.float64)
            total += [exact.sum((0, 1, 2)), np.square(exact).sum((0, 1, 2))]
        mean, square = total / (images.size / images.shape[3])
        std = np.sqrt(np.maximum(square - mean**2, 0))
        std = np.where(std > _CONSTANT * np.abs(mean), std, 1)
        return cls(classes, images.shape[1], resized, tuple(mean.tolist()), tuple(std.tolist()))

    @property
    def shape(self) -> ImageShape:
        """The constants that fix a network's sizes."""
        return ImageShape(len(self.classes), len(self.mean), self.size)

    def normalised(self, images: Tensor) -> Tensor:
        """Scale images [B, C, S, S] to float32 of the same shape."""
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.mean, self.std))
        return ((images - mean) / std).contiguous()

    def require_fit(self, network: nn.Module, arguments: Mapping[str, Any]) -> None:
        """Give a network one black image, of no more pixels than most have."""
        if len(self.mean) != len(self.std):
            raise ValueError(f"{len(self.mean)} means, and {len(self.std)} deviations")
        require_equal({"classes": len(self.classes), "in_channels": len(self.mean)}, arguments)
        side = min(self.size, _EXAMPLE)
        with torch.inference_mode():
            require_classes(network(self.normalised(torch.zeros(1, len(self.mean), side, side))), self.classes)

    def predict(
        self, network: nn.Module, data: str | Path | GivenImages, *, skip_damaged: bool = False
    ) -> pd.DataFrame:
        """A row for each image: its name in the column ``image``, and ``p_<class>`` for each class.

        Parameters
        ----------
        network
            A network in evaluation mode.
        data
            An archive, of which ``x`` or else ``x_test`` is read and an image's name is its place from 0; a picture; a
            folder, with all pictures below it; or images that are given, as an array or as files.
        skip_damaged
            Whether pictures that cannot be read are left out.

        Raises
        ------
        UserError
            If there are no images, or they cannot be read or differ from those of training in size or channels.
        """
        import pandas as pd

        size = self.size if self.resized else None
        source = data if isinstance(data, GivenImages) else Path(data)
        names, images = read_new_images(source, len(self.mean), size, skip_damaged=skip_damaged)
        self._require_alike(images)
        with torch.inference_mode():
            logits = [network(self.normalised(as_tensor(part))) for part in _parts(images)]
        shares = torch.cat(logits).float().softmax(-1).numpy()
        return pd.DataFrame({"image": names, **{f"p_{name}": shares[:, i] for i, name in enumerate(self.classes)}})

    def _require_alike(self, images: NDArray[Any]) -> None:
        wanted = (self.size, self.size, len(self.mean))
        if images.shape[1:] != wanted:
            form, known = ("×".join(map(str, sides)) for sides in (images.shape[1:], wanted))
            raise UserError(f"the images are {form}, those of training {known}: make them alike")

    def save(self, folder: str | Path) -> None:
        """Write ``preprocessing.json``, all that new images need."""
        write_json(Path(folder) / _FILE, {"version": _VERSION, **asdict(self)})

    @classmethod
    def load(cls, folder: str | Path) -> ImageEncoder:
        """Read ``preprocessing.json``; UserError where it is absent or of another version."""
        path = Path(folder) / _FILE
        content = read_versioned(path, "version", _VERSION, f"no {path}: run prepare_images first", "images")
        with damage_named(path):
            return typed(cls(**content | {name: tuple(content[name]) for name in ("classes", "mean", "std")}))


def _parts(images: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (images[start : start + _AT_ONCE] for start in range(0, len(images), _AT_ONCE))
