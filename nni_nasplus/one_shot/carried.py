"""What tasks of sequences hand from batch to batch, such as the states of recurrent layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning.utilities import move_data_to_device

__all__ = ["Carried"]


class Carried:
    """What is carried along each half of the data, whatever and however much a step computes on its batches.

    All losses of a batch begin with what the step before left, and the last of them says what the next step begins
    with. A task that carries something has it as its attribute ``carried``, without gradients; others are left alone.
    So are batches that are no step's: what reads them one after the other goes on from the one before.
    """

    def __init__(self) -> None:
        self._batches: dict[str, Any] = {}
        self._before: dict[str, Any] = {}
        self._after: dict[str, Any] = {}

    def begin(self, batches: Mapping[str, Any]) -> None:
        """Go on to the next step, which is on these batches, by the name of their half."""
        self._batches, self._before = dict(batches), self.state()
        self._after = {}

    @contextmanager
    def on(self, batch: Any, task: Any) -> Iterator[None]:
        """Let a task compute the loss of a batch."""
        half = next((name for name, one in self._batches.items() if one is batch), None)
        if half is None or not hasattr(task, "carried"):
            yield
            return
        task.carried = self._before.get(half)
        yield
        self._after[half] = task.carried

    def state(self) -> dict[str, Any]:
        """What the next step begins with, by half."""
        return {**self._before, **self._after}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state."""
        self._batches, self._before, self._after = {}, dict(state), {}

    def to(self, device: torch.device) -> None:
        """Move it."""
        self._before, self._after = (move_data_to_device(part, device) for part in (self._before, self._after))
