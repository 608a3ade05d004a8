"""EdMIPS: bits by gradient, with their cost in the loss (Cai and Vasconcelos, arXiv 2004.05795)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.networks.quantised.supernet import BitSupernet
from nni_nasplus.networks.supernet import Supernet, supernet_of
from nni_nasplus.one_shot.differentiable import Differentiable
from nni_nasplus.one_shot.mixture import softmax

__all__ = ["EdMIPS"]

_FIRST = 0.01
"""Every α at first."""


class EdMIPS(Differentiable):
    """Train α and the weights on one batch, to minimise the loss and the expected cost of all layers (eq. 13).

    The cost is that of eq. 12, E[bits of weights] · E[bits of inputs] · multiply-adds, divided by the multiply-adds of
    the first layer whose bits are searched. There is one level: validation examples are not used. In the end each layer
    has the bits that weigh most.

    Published results are of ImageNet, with weights of 1 to 4 bits, activations of 2 to 4, the first and the last layer
    float, and weights trained from the beginning; none of them was repeated here. Here all layers choose, and how α is
    trained (Adam, ``alpha_rate``) is this package's.

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of EdMIPS.

        Parameters
        ----------
        complexity
            What the cost is multiplied by before it is added to the loss; 0 or more.
        """

        epochs: int = 25
        alpha_rate: float = 0.02
        alpha_decay: float = 0.0
        complexity: float = 1e-4

        def __post_init__(self) -> None:
            super().__post_init__()
            self._require_not_negative("complexity")

    order: tuple[str, ...] = ("both",)
    options: Options
    supernet: BitSupernet

    def first_alphas(self) -> nn.ParameterDict:
        """All bits alike."""
        alphas = super().first_alphas()
        with torch.no_grad():
            for alpha in alphas.values():
                alpha.fill_(_FIRST)
        return alphas

    @classmethod
    def make_supernet(cls, space: NetworkSpace, options: Any) -> Supernet:
        """What is searched in; UserError where the space decides no bits."""
        supernet = supernet_of(space, **options.sizes)
        if not isinstance(supernet, BitSupernet):
            raise UserError(
                f"{type(space).__name__} decides no bits, which EdMIPS searches; "
                "find a network, then use nasplus quantise"
            )
        return supernet

    def penalty(self) -> Tensor:
        """The cost times its factor."""
        first = next(iter(self.supernet.macs.values()))
        return self.options.complexity * self.expected_cost / first

    @property
    def expected_cost(self) -> Tensor:
        """Bit operations of one example, as α has it now."""
        return self.supernet.bit_operations(softmax(self.supernet, self.alphas))

    def tell(self, losses: Mapping[str, float]) -> None:
        """Tell the host of the expected cost too."""
        super().tell({**losses, "bit_operations": float(self.expected_cost.detach())})
