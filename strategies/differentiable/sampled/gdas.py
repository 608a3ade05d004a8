"""GDAS: one sampled architecture a step (Dong and Yang, arXiv 1910.04465)."""

from __future__ import annotations

from dataclasses import dataclass

from nni_nasplus.one_shot.differentiable import Differentiable, Draw, Half
from nni_nasplus.one_shot.mixture import gumbel

__all__ = ["GDAS"]


class GDAS(Differentiable):
    """Compute one operation on each edge, drawn by Gumbel-softmax, and pass gradients on as if all had been.

    A step costs what one network of the space costs. The weights are trained first, then α, on one sample each, which
    all cells of a kind share. The defaults are those of the authors' code for NAS-Bench-201.

    Where the authors' code for NAS-Bench-201 adds the weights of operations that are not drawn, as numbers, to what the
    drawn one gives, α gets a gradient that no loss has: here only the drawn one takes part. The variant whose reduction
    cell is fixed by hand is not offered: that cell is in no space here.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of GDAS.

        Parameters
        ----------
        first_temperature, last_temperature
            τ falls from one to the other by equal steps.
        """

        epochs: int = 250
        nesterov: bool = True
        weight_decay: float = 5e-4
        first_temperature: float = 10.0
        last_temperature: float = 0.1

        def __post_init__(self) -> None:
            super().__post_init__()
            for name in ("first_temperature", "last_temperature"):
                self._require(name, getattr(self, name) > 0, "more than 0")

    order: tuple[str, ...] = ("weights", "alphas")
    options: Options

    @property
    def temperature(self) -> float:
        """τ in this epoch."""
        first, last = self.options.first_temperature, self.options.last_temperature
        return first + (last - first) * self.progress

    def draws(self, half: Half) -> list[Draw]:
        """One architecture (eq. 5 and 6)."""
        return [(1.0, gumbel(self.supernet, self.alphas, self.temperature, self.generator, hard=True))]
