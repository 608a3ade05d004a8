"""NSAS: novelty-driven sampling against forgetting (Zhang et al., CVPR 2020, *Overcoming Multi-Model Forgetting*)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nni_nasplus.one_shot.mixture import one_path
from nni_nasplus.one_shot.shared_weights import Draw
from nni_nasplus.search.space import Architecture
from nni_nasplus.strategies.paths.rsps import RSPS

__all__ = ["NSAS"]

_ARCHIVE, _RECENT = "archive", "recent"


class NSAS(RSPS):
    """Train a path so that those before it are not forgotten: its loss and the mean loss of an archive, half each.

    The archive holds paths that are unlike each other. Before each step the most novel of the recent paths takes the
    place of the least novel one of the archive, where it is more so; novelty is the mean number of differences to the
    nearest paths of both. The authors' two demos add the losses of the archive as numbers, which have no gradient; this
    is the paper.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.shared_weights.SharedWeights`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(RSPS.Options):
        """Those of NSAS.

        Parameters
        ----------
        archive
            How many paths are kept, M.
        recent
            How many of the latest paths may enter it.
        nearest
            So many neighbours say how novel a path is.
        """

        archive: int = 8
        recent: int = 50
        nearest: int = 10

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_counts("archive", "recent", "nearest")

    options: Options

    def weight_draws(self, batch: Any) -> list[Draw]:
        """The path of this step, and the archive (eq. 9)."""
        path, archive = self.path(), self.memory.setdefault(_ARCHIVE, [])
        self._renew(archive)
        recent = self.memory.setdefault(_RECENT, [])
        self.memory[_RECENT] = [*recent, path][-self.options.recent :]
        if not archive:
            return [(1.0, one_path(self.supernet, path))]
        share = 0.5 / len(archive)
        return [(0.5, one_path(self.supernet, path)), *((share, one_path(self.supernet, old)) for old in archive)]

    def _renew(self, archive: list[Architecture]) -> None:
        """Fill the archive, or exchange one path of it."""
        recent = [one for one in self.memory.get(_RECENT, []) if one not in archive]
        if not recent:
            return
        everything = [*archive, *recent]
        novel = [self._novelty(one, everything) for one in everything]
        best = recent[int(np.argmax(novel[len(archive) :]))]
        if len(archive) < self.options.archive:
            archive.append(best)
        elif min(novel[: len(archive)]) < max(novel[len(archive) :]):
            archive[int(np.argmin(novel[: len(archive)]))] = best

    def _novelty(self, one: Architecture, others: list[Architecture]) -> float:
        """The mean number of differences to its nearest."""
        apart = sorted(sum(one.get(name) != other.get(name) for name in {*one, *other}) for other in others)[1:]
        return float(np.mean(apart[: self.options.nearest])) if apart else 0.0
