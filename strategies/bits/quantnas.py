"""QuantNAS: operations and bits together, with noise in place of quantising (Shvetsov et al., arXiv 2208.14839)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.quantised.supernet import CostedSupernet
from nni_nasplus.networks.supernet import Mixture, Supernet, supernet_of
from nni_nasplus.one_shot.differentiable import Differentiable
from nni_nasplus.one_shot.mixture import entropy, softmax

__all__ = ["QuantNAS", "entropy_factor"]


def entropy_factor(epoch: int, epochs: int, coefficient: float) -> float:
    """μ(t) of the entropy: 0 in the first quarter of the epochs, then growing to the coefficient in the last one.

    With t the epoch from 0, E of them and w = ⌊E/4⌋ it is coefficient · t / (E − 1) · log(t − w + 2) to the base
    E − w + 1.

    Parameters
    ----------
    epoch, epochs
        Which of how many.
    """
    warm = epochs // 4
    if epoch < warm or epochs < 2:
        return 0.0
    return coefficient * epoch / (epochs - 1) * math.log(epoch - warm + 2, epochs - warm + 1)


class QuantNAS(Differentiable):
    """Minimise the loss + η · cost + μ(t) · entropy of one softmax over operations and bits in each layer.

    The cost is Σ α · bits² · multiply-adds, here divided by that of the architecture that costs most, so that η is for
    networks of any size. In the steps weights and inputs are not quantised but have noise of the size that quantising
    would add, whose gradient is not taken. α and weights have their own batches, as in DARTS of first order.

    The published figures, of DIV2K at factors 2 and 4 in a larger space, were not repeated; nor was it verified that
    noise finds what quantising itself would find.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of QuantNAS; the weights are trained by AdamW.

        Parameters
        ----------
        eta
            The weight of the cost; 0 or more.
        coefficient
            What the entropy's factor grows to; 0 or more.
        """

        epochs: int = 20
        optimizer: Literal["sgd", "adamw"] = "adamw"
        rate: float = 1e-3
        final_rate: float = 0.0
        weight_decay: float = 0.0
        alpha_rate: float = 3e-2
        alpha_decay: float = 0.0
        eta: float = 1e-3
        coefficient: float = 1e-3

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_not_negative("eta", "coefficient")

    options: Options
    supernet: CostedSupernet

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """What is searched in; UserError where the space decides no bits."""
        supernet = supernet_of(space, **options.sizes)
        if not isinstance(supernet, CostedSupernet):
            raise UserError(f"{type(space).__name__} decides no bits, which QuantNAS searches; use darts")
        return supernet

    def training_step(self, batch: Mapping[str, Any], batch_index: int) -> None:
        """The steps of a pair of batches, with noise."""
        with self.supernet.with_noise(self.generator):
            super().training_step(batch, batch_index)

    def penalty(self) -> Tensor:
        """The cost and the entropy, times their factors."""
        mixture = softmax(self.supernet, self.alphas)
        cost = self.supernet.bit_operations(mixture) / self.supernet.most_bit_operations
        return self.options.eta * cost + self._undecided(mixture)

    def _undecided(self, mixture: Mixture) -> Tensor:
        """The mean entropy of the layers, times μ."""
        rows = torch.cat([values.flatten() for values in entropy(mixture).values()])
        return entropy_factor(self.epoch, self.epochs, self.options.coefficient) * rows.mean()

    def tell(self, losses: Mapping[str, float]) -> None:
        """Tell the host of the expected cost too."""
        mixture = softmax(self.supernet, self.alphas)
        super().tell({**losses, "bit_operations": float(self.supernet.bit_operations(mixture).detach())})
