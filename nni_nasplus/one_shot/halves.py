"""Both halves of the data: batches that train weights, and beside each one a batch of validation that trains α."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from pytorch_lightning.utilities import CombinedLoader

from nni_nasplus.errors import UserError

__all__ = ["Passes", "both_halves", "drawn_by"]


class Passes:
    """Batches of a loader from a step of the search on, pass after pass.

    What torch's generator draws for a batch is a function of the seed and the batch's number, and what a sampler with
    ``set_epoch`` draws of the number of the pass, so a search that is resumed finds the batches that it would have had.
    Those before are drawn and left out.

    Parameters
    ----------
    loader
        Of the same number of batches in each pass.
    seed
        0 or more.
    step
        Says how many batches there were before.
    what
        Of examples, for the message.

    Raises
    ------
    UserError
        If the loader has no batches, or does not say how many.
    """

    def __init__(self, loader: Any, seed: int, step: Callable[[], int], what: str) -> None:
        self.loader, self.seed, self.step = loader, seed, step
        try:
            self.count = len(loader)
        except TypeError:
            self.count = 0
        if not self.count:
            raise UserError(f"there are no batches of {what} examples that can be counted; give the search some")

    def __iter__(self) -> Iterator[Any]:
        number, place = divmod(self.step(), self.count)
        while True:
            yield from self._passed(number, place)
            number, place = number + 1, 0

    def _passed(self, number: int, place: int) -> Iterator[Any]:
        """The batches of a pass from a place on."""
        for source in (getattr(self.loader, "sampler", None), getattr(self.loader, "batch_sampler", None)):
            if callable(set_epoch := getattr(source, "set_epoch", None)):
                set_epoch(number)
        with drawn_by(self.seed, number):
            batches = iter(self.loader)
        for index in range(self.count):
            with drawn_by(self.seed, number, index):
                batch = next(batches)
            if index >= place:
                yield batch


class _Epoch(Passes):
    """One pass: what Lightning takes for an epoch."""

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        return self._passed(*divmod(self.step(), self.count))


def both_halves(train: Any, valid: Any, seed: int, step: Callable[[], int]) -> CombinedLoader:
    """Pairs of batches under ``train`` and ``valid``, as many in an epoch as there are of training.

    Validation goes on from epoch to epoch, and begins anew where it ends.

    Raises
    ------
    UserError
        If there are no training or no validation examples.
    """
    halves = {"train": _Epoch(train, seed, step, "training"), "valid": Passes(valid, seed, step, "validation")}
    return CombinedLoader(halves, "min_size")


class drawn_by:  # a context manager, used like a function
    """Let torch's generator of the CPU draw from a seed and some numbers in the block; it is set back after it."""

    def __init__(self, *words: int) -> None:
        self.seed = int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))

    def __enter__(self) -> None:
        self.before = torch.get_rng_state()
        torch.random.default_generator.manual_seed(self.seed)

    def __exit__(self, *_: object) -> None:
        torch.set_rng_state(self.before)
