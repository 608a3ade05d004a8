"""Lightning without what it says of itself at every training."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from lightning_fabric.utilities.warnings import PossibleUserWarning

__all__ = ["quiet_lightning"]

_LOGGERS = (
    "pytorch_lightning.utilities.rank_zero",
    "lightning_fabric.utilities.rank_zero",
    "pytorch_lightning.trainer.connectors.checkpoint_connector",
    "pytorch_lightning.trainer.connectors.signal_connector",
)
"""They tell of devices, of the makers' services, that training has ended at its last epoch, how checkpoints are read,
and of signals."""
_USUAL = (
    "Checkpoint directory .* exists and is not empty",
    "Using ModelCheckpoint with manual optimization",
    r".*isinstance\(treespec, LeafSpec\). is deprecated",
)
"""How warnings begin of what is meant so, or is Lightning's own affair."""


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Let Lightning log warnings only in the block, and leave out those of every training: hints about loaders, too."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PossibleUserWarning)
        for message in _USUAL:
            warnings.filterwarnings("ignore", message)
        try:
            for logger in loggers:
                logger.setLevel(logging.WARNING)
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
