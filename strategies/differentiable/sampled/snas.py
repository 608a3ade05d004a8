"""SNAS: weights of operations are samples (Xie et al., arXiv 1812.09926)."""

from __future__ import annotations

from dataclasses import dataclass

from nni_nasplus.one_shot.differentiable import Draw, Half
from nni_nasplus.one_shot.mixture import gumbel
from nni_nasplus.strategies.differentiable.sampled.gdas import GDAS

__all__ = ["SNAS"]


class SNAS(GDAS):
    """Weigh all operations by Gumbel-softmax, and train α and the weights on the same batch by one backward pass.

    There is one level: validation examples are not used. The temperatures are ours; the penalty on resources is not
    part of it.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(GDAS.Options):
        """Those of SNAS."""

        epochs: int = 150
        nesterov: bool = False
        weight_decay: float = 3e-4
        first_temperature: float = 1.0

    order: tuple[str, ...] = ("both",)

    def draws(self, half: Half) -> list[Draw]:
        """One relaxed sample (eq. 4)."""
        return [(1.0, gumbel(self.supernet, self.alphas, self.temperature, self.generator, hard=False))]
