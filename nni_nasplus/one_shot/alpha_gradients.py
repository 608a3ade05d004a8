"""The gradient of α: of the loss on a batch, or after a step of the weights has been thought through (DARTS, eq. 5–8).

Functions of losses, weights and α that know nothing of supernets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = ["finite_difference", "first_order", "hessian", "hessian_product", "second_order"]

Loss = Callable[[], Tensor]
Step = Callable[[list[Tensor]], list[Tensor]]
_STEP = 0.01
"""ε is this divided by the norm of the direction (DARTS, arXiv 1806.09055, eq. 8)."""


def first_order(loss: Tensor, alphas: Sequence[Tensor]) -> list[Tensor]:
    """∂loss/∂α, zeros where the loss does not depend on it; weights get no gradient."""
    return _gradients(loss, alphas)


def second_order(
    train: Loss,
    valid: Loss,
    weights: Sequence[Tensor],
    alphas: Sequence[Tensor],
    *,
    step: Step,
    rate: float,
    exact: bool,
) -> tuple[Tensor, list[Tensor]]:
    """∂/∂α of the validation loss at w′ = w − ξ · step(∂train/∂w), by the chain rule; weights are as before after it.

    Parameters
    ----------
    train, valid
        The losses, as functions of the weights and α where they are.
    step
        What the optimiser makes of the gradients, such as momentum and weight decay.
    rate
        ξ.
    exact
        Whether ∂²train/∂α∂w · ∂valid/∂w′ is computed by a second backward pass, else by finite differences, as
        published.

    Returns
    -------
    The validation loss at w′, and the gradients.
    """
    directions = step(_gradients(train(), weights))
    with _moved(weights, directions, -rate):
        loss = valid()
        gradients = _gradients(loss, [*alphas, *weights])
    direct, vector = gradients[: len(alphas)], gradients[len(alphas) :]
    product = (hessian_product if exact else finite_difference)(train, weights, alphas, vector)
    return loss, [own - rate * through for own, through in zip(direct, product, strict=True)]


def hessian_product(
    train: Loss, weights: Sequence[Tensor], alphas: Sequence[Tensor], vector: Sequence[Tensor]
) -> list[Tensor]:
    """∂²train/∂α∂w · vector, exactly."""
    gradients = torch.autograd.grad(train(), weights, create_graph=True, allow_unused=True)
    pairs = [(g, v) for g, v in zip(gradients, vector, strict=True) if g is not None and g.requires_grad]
    if not pairs:
        return [torch.zeros_like(alpha) for alpha in alphas]
    return _gradients(torch.stack([(g * v).sum() for g, v in pairs]).sum(), alphas)


def finite_difference(
    train: Loss, weights: Sequence[Tensor], alphas: Sequence[Tensor], vector: Sequence[Tensor]
) -> list[Tensor]:
    """∂²train/∂α∂w · vector as (∂train/∂α at w + ε·vector − at w − ε·vector) / 2ε."""
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(v) for v in vector]))
    epsilon = float(_STEP / norm) if norm > 0 else 0.0
    if not epsilon:
        return [torch.zeros_like(alpha) for alpha in alphas]
    with _moved(weights, vector, epsilon):
        above = _gradients(train(), alphas)
    with _moved(weights, vector, -epsilon):
        below = _gradients(train(), alphas)
    return [(a - b) / (2 * epsilon) for a, b in zip(above, below, strict=True)]


def hessian(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """∂²loss of P parameters in all, [P, P], symmetric but for rounding."""
    first = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True, materialize_grads=True)
    flat = torch.cat([gradient.flatten() for gradient in first])
    rows = [_gradients(value, parameters, keep=True) for value in flat]
    return torch.stack([torch.cat([gradient.flatten() for gradient in row]) for row in rows])


def _gradients(loss: Tensor, inputs: Sequence[Tensor], *, keep: bool = False) -> list[Tensor]:
    """∂loss/∂input each, zeros where it does not depend on them."""
    if not loss.requires_grad:
        return [torch.zeros_like(one) for one in inputs]
    return list(torch.autograd.grad(loss, inputs, retain_graph=keep or None, allow_unused=True, materialize_grads=True))


@contextmanager
def _moved(weights: Sequence[Tensor], directions: Sequence[Tensor], length: float) -> Iterator[None]:
    """Weights moved for a while; afterwards they are bit by bit as they were."""
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        torch._foreach_add_(list(weights), list(directions), alpha=length)
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(list(weights), before)
