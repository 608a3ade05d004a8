"""``nasplus search --images … --task superresolution``: networks that enlarge pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from nni_nasplus.cli.tasks.base import Task
from nni_nasplus.cli.tasks.held import pairs
from nni_nasplus.errors import UserError

TYPE_CHECKING = False
"""As in :mod:`typing`, whose own jsonargparse takes for leave to import all that follows, which takes seconds."""
if TYPE_CHECKING:
    from nni_nasplus.training.evaluator import Evaluator
    from nni_nasplus.training.superresolution.evaluator import SuperResolution

__all__ = ["SuperResolutionTask"]


@dataclass(frozen=True, kw_only=True)
class SuperResolutionTask(Task):
    """Enlarge photographs.

    Parameters
    ----------
    images
        A folder of photographs, two or more; or one with folders whose names say train, valid and perhaps test. Small
        pictures are made of them by bicubic reduction, unless they lie beside them as in DIV2K.
    scale_factor
        How many times as high and wide pictures become: 2, 3 or 4.
    space
        What to search; one of the installed spaces.
    objective
        What the search optimises on the photographs that validate: psnr or ssim, both of the luma, or loss.
    epochs
        Passes over as many patches.
    patches
        Of an epoch, drawn anew in each.
    patch
        Height and width of small patches.
    batch_size
        Patches a batch.
    learning_rate
        Where the cosine schedule of Adam begins.
    channels
        Of the network's blocks.
    blocks
        How many there are.
    bits
        What the convolutions of a block may have, decided together with its operation, with commas between: 2 to 8, or
        32 for floats. All are float where it is left out.
    fix
        Blocks to hold, as in --fix '[block_1=conv3x3]'.
    """

    data_argument: ClassVar[str] = "scale_factor"
    noun: ClassVar[str] = "photographs to enlarge"
    by_name: ClassVar[bool] = True

    images: str
    scale_factor: int = 2
    space: str = "superresolution"
    objective: str = "psnr"
    epochs: int = 10
    patches: int = 800
    patch: int = 24
    batch_size: int = 16
    learning_rate: float = 1e-3
    channels: int = 16
    blocks: int = 4
    bits: str = ""
    fix: list[str] | str = field(default_factory=list)

    def check(self, trials: int) -> None:
        """Raise :class:`UserError` naming what cannot work, before anything is read or written."""
        self._require_positive("epochs", "patches", "patch", "batch_size", "learning_rate", "channels", "blocks")
        if self.scale_factor not in (2, 3, 4):
            raise UserError(f"--scale-factor is {self.scale_factor}; use 2, 3 or 4")
        if not Path(self.images).is_dir():
            raise UserError(f"--images is {self.images}, no folder; name one of photographs")
        self._check_choices(self._sizes(), self._evaluator(""))

    def prepare(self, cache: Path, seed: int, trials: int) -> tuple[dict[str, Any], Evaluator]:
        """Write the photographs into a new folder; the arguments of the space, and the evaluator."""
        from nni_nasplus.data.photos import prepare_photos

        sizes = {"scale_factor": self.scale_factor, "patch": self.patch}
        prepare_photos(self.images, out=cache, **sizes, seed=seed, progress=True)
        evaluator = self._evaluator(str(cache), seed=seed)
        return {**evaluator.preprocessing().shape.to_json(), **self._sizes()}, evaluator

    def _evaluator(self, cache: str, **arguments: Any) -> SuperResolution:
        """What trains and scores."""
        from nni_nasplus.training.superresolution.evaluator import SuperResolution

        names = ("objective", "epochs", "patches", "patch", "batch_size", "learning_rate")
        return SuperResolution(cache, **{name: getattr(self, name) for name in names}, **arguments)

    def _sizes(self) -> dict[str, Any]:
        parts = self.bits.replace(",", " ").split()
        for part in parts:
            if not part.removeprefix("-").isdecimal():
                raise UserError(f"--bits has {part!r}; use whole numbers from 2 to 8, or 32 for floats")
        bits = {"bits": [int(part) for part in parts]} if parts else {}
        return {"channels": self.channels, "blocks": self.blocks, "fixed": pairs(self.fix), **bits}
