"""A text cut into columns that are read side by side, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nni_nasplus.errors import UserError

__all__ = ["IGNORED", "TextBatch", "TextBatches", "piece_ends"]

IGNORED = -100
"""The target where there is none: what torch's cross-entropy leaves out."""
_SHORTEST = 5
"""Tokens that a drawn piece has at the least, as in AWD-LSTM (arXiv 1708.02182)."""
_DEVIATION = 5
"""Of the length of a drawn piece in tokens, as in AWD-LSTM."""
_HALVED = 0.05
"""The share of pieces drawn around half the length, as in AWD-LSTM."""
_MEAN = 1 - _HALVED / 2
"""The mean length of drawn pieces as a share of the length asked for: it tells how many pieces fill a text."""


class TextBatch(NamedTuple):
    """A piece of T tokens of each of B columns, which goes on where the piece before ended."""

    tokens: Tensor
    """[T, B] int64."""
    targets: Tensor
    """[T, B] int64: the token after each; −100 beyond the end of the text."""
    first: bool
    """Whether the columns begin: there is no state to go on from."""


class TextBatches:
    """Passes over a text, in which every token but the first is a target once.

    A column goes on in the next one, and all but the last are equally long. The pieces of a pass are a function of
    (seed, number of the pass). As a loader it is kept in Lightning's checkpoints, to go on in the middle of a pass.

    Parameters
    ----------
    ids
        [N] the text.
    batch_size
        The number B of columns.
    bptt
        The length T of pieces.
    seed
        Lets the lengths vary as in AWD-LSTM (arXiv 1708.02182): see :func:`piece_ends`. None for all equal.

    Raises
    ------
    UserError
        If a size is less than 1.
    """

    batch_sampler = None

    def __init__(self, ids: NDArray[np.unsignedinteger], batch_size: int, bptt: int, seed: int | None = None) -> None:
        for name, size in {"batch_size": batch_size, "bptt": bptt}.items():
            if size < 1:
                raise UserError(f"{name} is {size}; use 1 or more")
        self.ids, self.batch_size, self.bptt, self.seed = ids, batch_size, bptt, seed
        self.n_targets = len(ids) - 1
        self.steps = -(-self.n_targets // batch_size)
        self._next = self._reached = (0, 0)

    def __len__(self) -> int:
        return len(self._ends(0))

    def __iter__(self) -> Iterator[TextBatch]:
        number, begin = self._next
        self._next = (number + 1, 0)
        ends = self._ends(number)
        for place in range(begin, len(ends)):
            self._reached = (number, place + 1)
            yield self._batch(ends[place - 1] if place else 0, ends[place])

    @property
    def sampler(self) -> TextBatches:
        """Itself: Lightning tells a loader's sampler the epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be that of an epoch, from the place loaded if that is in it."""
        if self._next[0] != epoch:
            self._next = (epoch, 0)

    def state_dict(self) -> dict[str, int]:
        """The pass, and how many of its batches have been given."""
        return dict(zip(("pass", "place"), self._reached, strict=True))

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the next pass be the rest of that one."""
        self._next = self._reached = (state["pass"], state["place"])

    def _ends(self, number: int) -> list[int]:
        rng = None if self.seed is None else np.random.default_rng((self.seed, number))
        return piece_ends(self.steps, self.bptt, rng)

    def _batch(self, start: int, end: int) -> TextBatch:
        place = np.arange(start, end)[:, None] + self.steps * np.arange(self.batch_size)
        tokens = self.ids[np.minimum(place, self.n_targets)].astype(np.int64)
        targets = self.ids[np.minimum(place + 1, self.n_targets)].astype(np.int64)
        targets[place >= self.n_targets] = IGNORED
        return TextBatch(torch.from_numpy(tokens), torch.from_numpy(targets), start == 0)


def piece_ends(steps: int, bptt: int, rng: np.random.Generator | None = None) -> list[int]:
    """Where the pieces of ``steps`` tokens end, the last at ``steps``.

    Without a generator each has ``bptt`` tokens, the last maybe fewer. With one, lengths are drawn: normal around
    ``bptt`` or, one in twenty, half of it, of deviation 5, at the least 5. They are then stretched by a factor near 1,
    so that the pieces of any draw are equally many and fill the text.
    """
    if rng is None:
        return [*range(bptt, steps, bptt), steps]
    count = min(steps, max(1, round(steps / (_MEAN * bptt))))
    mean = np.where(rng.random(count) < _HALVED, bptt / 2, bptt)
    drawn = np.maximum(rng.normal(mean, _DEVIATION), _SHORTEST).cumsum()
    one_each = np.arange(1, count + 1)
    return (one_each + np.rint(drawn / drawn[-1] * (steps - count)).astype(int)).tolist()
