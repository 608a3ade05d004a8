"""DARTS (Liu et al., arXiv 1806.09055), of first and of second order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from nni_nasplus.one_shot.alpha_gradients import first_order, second_order
from nni_nasplus.one_shot.differentiable import Differentiable

__all__ = ["DARTS"]


class DARTS(Differentiable):
    """Train the softmax of α on validation batches and the weights of all operations on training batches, in turn.

    The defaults are those of the authors' code on CIFAR-10. There, half of the training images train α; here the
    validation examples do.

    On NAS-Bench-201 plain DARTS ends in cells of nothing but skip connections (arXiv 2001.00326).

    Parameters
    ----------
    supernet, evaluator, options
        See :class:`~nni_nasplus.one_shot.differentiable.Differentiable`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Options(Differentiable.Options):
        """Those of DARTS.

        Parameters
        ----------
        order
            1: α descends the validation loss at the weights as they are. 2: at the weights after one more step on the
            training batch, through which the gradient goes on (eq. 6).
        exact
            Whether the product with the second derivatives is computed by a backward pass of a backward pass; by
            default by finite differences (eq. 8), as published.
        """

        order: Literal[1, 2] = 1
        exact: bool = False

    options: Options

    def alpha_gradients(self, batch: Mapping[str, Any]) -> tuple[Tensor, list[Tensor]]:
        """Equation 6, with ξ = 0 where the order is 1."""
        if self.options.order == 1:
            return super().alpha_gradients(batch)
        alphas = self.architecture_parameters
        loss, gradients = second_order(
            lambda: self.expected_loss(batch["train"], "alphas"),
            lambda: self.expected_loss(batch["valid"], "alphas"),
            list(self.supernet.parameters()),
            alphas,
            step=self._step_of_sgd,
            rate=self._rate,
            exact=self.options.exact,
        )
        own = first_order(self.penalty(), alphas)
        return loss, [through + direct for through, direct in zip(gradients, own, strict=True)]

    @property
    def _rate(self) -> float:
        """ξ, that of the weights."""
        return float(self._optimizer(0).param_groups[0]["lr"])

    def _step_of_sgd(self, gradients: list[Tensor]) -> list[Tensor]:
        """What SGD would make of gradients: momentum · buffer + gradient + decay · w; of AdamW the gradient alone."""
        if self.options.optimizer != "sgd":
            return gradients
        state, o = self._optimizer(0).state, self.options
        steps = []
        for weight, gradient in zip(self.supernet.parameters(), gradients, strict=True):
            buffer = state.get(weight, {}).get("momentum_buffer")
            step = gradient + o.weight_decay * weight.detach()
            steps.append(step if buffer is None else step + o.momentum * buffer)
        return steps
