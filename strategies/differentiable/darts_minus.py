"""DARTS-: an auxiliary skip connection takes over what skips do for training (Chu et al., arXiv 2009.01027)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.supernet import SKIP, Supernet
from nni_nasplus.one_shot.differentiable import Draw, Half
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.strategies.differentiable.darts import DARTS

__all__ = ["DARTSMinus"]


class DARTSMinus(DARTS):
    """Add β · skip(x) to each mixture; β falls from 1 to 0, so that nothing of it is left in the answer.

    A skip connection wins in DARTS because it eases the training of the supernet, not because it is a good operation.
    The auxiliary one eases it whatever α says. It shares its weights with the candidate where the stride is 2; in the
    authors' code it has its own.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(DARTS.Options):
        """Those of DARTS-.

        Parameters
        ----------
        skip
            β in the first epoch; 0 for plain DARTS.
        fall
            How β falls: by equal steps, or as half a cosine.
        """

        skip: float = 1.0
        fall: Literal["linear", "cosine"] = "linear"

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require("skip", self.skip >= 0, "0 or more")

    options: Options

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """One that has skip connections."""
        supernet = super().make_supernet(space, options)
        if SKIP not in supernet.operations:
            raise UserError(f"{type(space).__name__} has no {SKIP}, which DARTS- strengthens; use darts")
        return supernet

    @property
    def skip(self) -> float:
        """β in this epoch."""
        share = self.epoch / self.epochs
        left = 1 - share if self.options.fall == "linear" else (1 + math.cos(math.pi * share)) / 2
        return self.options.skip * left

    def draws(self, half: Half) -> list[Draw]:
        """The softmax of α and the auxiliary skip (eq. 4)."""
        return [(1.0, softmax(self.supernet, self.alphas, skip=self.skip))]
