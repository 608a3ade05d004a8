"""Training within a process that is somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pytorch_lightning.utilities.seed import isolate_rng

__all__ = ["undisturbed"]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Set back the global generators after the block, and whether torch is deterministic, which Lightning decides."""
    mode = torch.get_deterministic_debug_mode()
    try:
        with isolate_rng():
            yield
    finally:
        torch.set_deterministic_debug_mode(mode)
