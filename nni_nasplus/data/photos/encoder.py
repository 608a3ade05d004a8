"""What photographs are like, and how a network enlarges new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nni_nasplus._files import damage_named, read_json, write_json
from nni_nasplus.data.images.arrays import as_tensor
from nni_nasplus.data.images.pictures import is_picture, read_pictures
from nni_nasplus.data.preprocessing import Preprocessing, require_equal
from nni_nasplus.errors import UserError

if TYPE_CHECKING:
    from typing import Self

    import pandas as pd

__all__ = ["PhotoEncoder", "PhotoShape", "as_pixels", "reduced"]

FILE = "preprocessing.json"
_VERSION = 1
_EXAMPLE = 16
"""Height and width of the picture by which a network is tried."""


@dataclass(frozen=True)
class PhotoShape:
    """The constants of prepared photographs that fix a network."""

    scale_factor: int
    """How many times as high and wide as what they are made from."""
    colours: int
    """1 for grey photographs, 3 for colour."""

    def to_json(self) -> dict[str, int]:
        """The arguments of a space."""
        return asdict(self)


@dataclass(frozen=True)
class PhotoEncoder(Preprocessing):
    """Reads pictures to enlarge.

    Parameters
    ----------
    shape
        Of the photographs that the network learned from.
    """

    source = "images"
    gives_pictures = True

    shape: PhotoShape

    @property
    def facts(self) -> dict[str, Any]:
        """The factor, and the colours."""
        return {"enlarged": f"{self.shape.scale_factor} times", "colours": self.shape.colours}

    def save(self, folder: str | Path) -> None:
        """Write preprocessing.json."""
        write_json(Path(folder) / FILE, {"kind": "photos", "version": _VERSION, **self.shape.to_json()})

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what :meth:`save` wrote; :class:`~nni_nasplus.UserError` where it is absent or of another format."""
        path = Path(folder) / FILE
        if not path.is_file():
            raise UserError(f"{folder} holds no prepared photographs: run prepare_photos first")
        with damage_named(path):
            content = read_json(path)
            if (content["kind"], content["version"]) != ("photos", _VERSION):
                raise UserError(f"{path} is of another format; prepare the photographs again")
            return cls(PhotoShape(int(content["scale_factor"]), int(content["colours"])))

    def require_fit(self, network: nn.Module, arguments: Mapping[str, Any]) -> None:
        """Raise :class:`ValueError` if a network does not enlarge pictures of these colours by this factor."""
        require_equal(self.shape.to_json(), arguments)
        with torch.inference_mode():
            found = network(torch.zeros(1, self.shape.colours, _EXAMPLE, _EXAMPLE)).shape
        side = _EXAMPLE * self.shape.scale_factor
        if found != (1, self.shape.colours, side, side):
            raise ValueError(f"a picture of {_EXAMPLE}×{_EXAMPLE} becomes one of shape {tuple(found)}")

    def predict(
        self, network: nn.Module, data: Any, *, pictures: str | Path | None = None, skip_damaged: bool = False
    ) -> pd.DataFrame:
        """Enlarge pictures.

        Parameters
        ----------
        data
            A picture, or a folder of them.
        pictures
            The folder to write the enlarged ones into, as PNG.
        skip_damaged
            Whether those that cannot be read are left out.

        Returns
        -------
        By ``picture`` its ``width`` and ``height`` afterwards.
        """
        import pandas as pd
        from PIL import Image

        if pictures is None:
            raise UserError("name the folder for the enlarged pictures with --pictures")
        out, rows = Path(pictures), []
        out.mkdir(parents=True, exist_ok=True)
        for path in _pictures(Path(data)):
            try:
                _, (image, *_) = read_pictures([path], channels=self.shape.colours)
            except UserError:
                if not skip_damaged:
                    raise
                continue
            with torch.inference_mode():
                enlarged = as_pixels(network(as_tensor(image[None]) / 255))
            Image.fromarray(enlarged[..., 0] if self.shape.colours == 1 else enlarged).save(out / f"{path.stem}.png")
            rows.append({"picture": f"{path.stem}.png", "width": enlarged.shape[1], "height": enlarged.shape[0]})
        return pd.DataFrame(rows)


def _pictures(source: Path) -> list[Path]:
    found = [source] if source.is_file() else sorted(path for path in source.glob("*") if is_picture(path))
    if not found:
        raise UserError(f"{source} has no pictures; name one, or a folder of them")
    return found


def as_pixels(images: Tensor) -> NDArray[np.uint8]:
    """The first of images [B, C, H, W] in [0, 1] as [H, W, C]."""
    pixels: NDArray[np.uint8] = (images[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return pixels


def reduced(images: Tensor, factor: int) -> Tensor:
    """Images [B, C, H, W] in [0, 1] made smaller by bicubic interpolation with antialiasing, rounded to 8 bits."""
    sides = [side // factor for side in images.shape[2:]]
    small = nn.functional.interpolate(images, sides, mode="bicubic", antialias=True)
    return (small.clamp(0, 1) * 255).round() / 255
