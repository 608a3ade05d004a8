"""Prepared text as a Lightning data module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule

from nni_nasplus.data.cache import SPLITS, map_array
from nni_nasplus.data.text.batches import TextBatches
from nni_nasplus.data.text.vocabulary import Vocabulary
from nni_nasplus.errors import UserError

__all__ = ["TextDataModule"]

_EVALUATION_COLUMNS = 10
"""As in AWD-LSTM and DARTS: the more columns, the fewer tokens have their past before them."""
_FEWEST = 2
"""Targets of a column in training at the least: fewer leave no past to learn from."""


class TextDataModule(LightningDataModule):
    """Batches of a cache written by ``prepare_text``.

    Validation and test read 10 columns in pieces of ``bptt`` tokens.

    Parameters
    ----------
    cache
        The prepared folder.
    batch_size
        Columns that training reads side by side.
    bptt
        Tokens of a piece, about.
    variable
        Whether the pieces of training differ in length.
    seed
        Fixes their lengths in every epoch.

    Raises
    ------
    UserError
        If the folder is no prepared text, a size is less than 1, or the training text is too short for so many columns.
    """

    def __init__(
        self, cache: str | Path, batch_size: int = 20, bptt: int = 70, variable: bool = True, seed: int = 0
    ) -> None:
        super().__init__()
        self.cache = Path(cache)
        self.batch_size, self.bptt = batch_size, bptt
        self.seed = seed if variable else None
        self.vocabulary = Vocabulary.load(self.cache)
        self.ids = {split: _read(self.cache / f"{split}.npy") for split in SPLITS}
        if self.train_dataloader().n_targets < _FEWEST * batch_size:
            raise UserError(
                f"the training text has {len(self.ids['train']):,} tokens, too few to read {batch_size} columns of it; "
                "give a longer text, or a smaller batch_size"
            )

    def train_dataloader(self) -> TextBatches:
        """The training text; a checkpoint keeps how far it was read."""
        return TextBatches(self.ids["train"], self.batch_size, self.bptt, self.seed)

    def validation_half(self) -> TextBatches:
        """The validation text as training reads: in as many columns as have a piece each, of lengths that vary."""
        columns = min(self.batch_size, max(_FEWEST, len(self.ids["val"]) // self.bptt))
        return TextBatches(self.ids["val"], columns, self.bptt, self.seed)

    def val_dataloader(self) -> TextBatches:
        """The validation text, the same in every pass."""
        return TextBatches(self.ids["val"], _EVALUATION_COLUMNS, self.bptt)

    def test_dataloader(self) -> TextBatches:
        """The test text, the same in every pass."""
        return TextBatches(self.ids["test"], _EVALUATION_COLUMNS, self.bptt)


def _read(path: Path) -> NDArray[np.unsignedinteger]:
    """[N] the numbers of a split; UserError where there are none."""
    try:
        return map_array(path)
    except FileNotFoundError as error:
        raise UserError(f"{path.parent} is no prepared text: run prepare_text first") from error
