"""Numbers at few bits, whose gradients pass as if they had all of them (Bengio et al., arXiv 1308.3432)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from nni_nasplus.networks.quantised.grids import FLOAT, Grid, input_grid, weight_grid

__all__ = ["noisy", "packed_weights", "quantised_inputs", "quantised_weights", "unpacked"]


def quantised_weights(weights: Tensor, bits: int) -> Tensor:
    """The nearest values of :func:`~nni_nasplus.networks.quantised.grids.weight_grid`, times the standard deviation.

    Gradients pass all of them unchanged; those of 32 bits are the weights themselves.

    Raises
    ------
    UserError
        If there is no such number of bits.
    """
    if bits == FLOAT:
        return weights
    grid = weight_grid(bits)
    step = _step_of(weights, grid)
    return _straight_through(weights, _nearest(weights.detach(), grid, step))


def packed_weights(weights: Tensor, bits: int) -> tuple[Tensor, float]:
    """The values of :func:`quantised_weights`, and what they are whole multiples of, of at most 8 bits with a sign."""
    grid = weight_grid(bits)
    step = _step_of(weights, grid)
    return _nearest(weights.detach(), grid, step), _scale(grid, step)


def quantised_inputs(inputs: Tensor, bits: int, deviation: Tensor, *, signed: bool) -> Tensor:
    """The nearest values of :func:`~nni_nasplus.networks.quantised.grids.input_grid`, times a deviation.

    Gradients pass those that lie between the least and the greatest of these values, and no others; those of 32 bits
    are the inputs themselves.

    Parameters
    ----------
    deviation
        Of a normal number that the inputs, or where they are not ``signed`` their positive half, are like; a scalar.

    Raises
    ------
    UserError
        If there is no such number of bits.
    """
    if bits == FLOAT:
        return inputs
    grid = input_grid(bits, signed=signed)
    step = grid.step * deviation
    least, most = ((end + grid.offset) * step for end in (grid.low, grid.high))
    clipped = inputs.clamp(least, most)
    if torch.onnx.is_in_onnx_export():
        return unpacked(clipped, _scale(grid, step), signed=grid.low < 0)
    return _straight_through(clipped, _nearest(clipped.detach(), grid, step))


def noisy(numbers: Tensor, bits: int, generator: torch.Generator) -> Tensor:
    """Numbers with noise as large as quantising them to so many bits would add (QuantNAS, arXiv 2208.14839).

    The noise is (max − min) / (2^bits − 1) · N(0, 1) / 2, through which no gradient flows; there is none at 32 bits.
    """
    if bits == FLOAT:
        return numbers
    fixed = numbers.detach()
    drawn = torch.randn(numbers.shape, generator=generator).to(fixed)
    return numbers + (fixed.max() - fixed.min()) / (2**bits - 1) * drawn / 2


def _nearest(numbers: Tensor, grid: Grid, step: Tensor) -> Tensor:
    return ((numbers / step - grid.offset).round().clamp(grid.low, grid.high) + grid.offset) * step


def unpacked(numbers: Tensor, scale: float, *, signed: bool) -> Tensor:
    """Multiples of a scale as the exporter makes QuantizeLinear and DequantizeLinear of them, of 8 bits."""
    ends = (-128, 127) if signed else (0, 255)
    return torch.fake_quantize_per_tensor_affine(numbers, scale, 0, *ends)


def _scale(grid: Grid, step: Tensor) -> float:
    """Half a step where values are odd multiples of that, for ONNX knows no offset but whole ones."""
    return float(step) / (2 if grid.offset else 1)


def _step_of(weights: Tensor, grid: Grid) -> Tensor:
    return grid.step * weights.detach().std(correction=0).clamp(min=torch.finfo(weights.dtype).tiny)


def _straight_through(numbers: Tensor, values: Tensor) -> Tensor:
    """The values, to whose gradient the numbers listen; it is not numbers + (values − numbers), which rounds."""
    if not torch.is_grad_enabled():
        return values
    passed: Tensor = _StraightThrough.apply(numbers, values)
    return passed


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, numbers: Tensor, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0], None
