"""The stem: columns of every event to one vector, [B, L, D] (SeqNAS, arXiv 2401.03246)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape

__all__ = ["MaskedBatchNorm", "NumericStem", "Stem", "embedding_width"]

LEAST_WIDTH = 3
"""One channel for each op of the widest split."""


def embedding_width(cardinality: int) -> int:
    """The width of the embedding of a column with so many codes."""
    return min(600, round(1.6 * cardinality**0.56))


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch normalisation of [B, L, n] over the events of the mask [B, L] alone.

    In training one event normalises to 0 and leaves the running statistics as they were.
    """

    running_mean: Tensor
    running_var: Tensor
    momentum: float

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        mean, var = self._observe(x, mask) if self.training else (self.running_mean, self.running_var)
        return (x - mean) * torch.rsqrt(var + self.eps) * self.weight + self.bias

    def example_gradients(self, x: Tensor, gradient: Tensor) -> Tensor:
        """Each example's gradient of the weight [B, n], with the running statistics.

        See :func:`nni_nasplus.proxies.kernel.gradient_rules.row`.
        """
        scale = (self.running_var + self.eps).rsqrt()
        return (gradient * (x - self.running_mean)).sum(1) * scale

    def _observe(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        weight, count = mask.unsqueeze(-1), mask.sum()
        mean = (x * weight).sum((0, 1)) / count
        var = ((x - mean).square() * weight).sum((0, 1)) / count
        with torch.no_grad():
            step = self.momentum * (count > 1)
            self.running_mean.lerp_(mean, step)
            self.running_var.lerp_(var * count / (count - 1).clamp(min=1), step)
        return mean, var


class NumericStem(nn.Module):
    """Numeric columns [B, L, n] → masked batch norm → depthwise convolution → dropout → [B, L, n·width]."""

    def __init__(self, columns: int, kernel: int, dropout: float, width: int = 4) -> None:
        super().__init__()
        self.norm = MaskedBatchNorm(columns)
        self.conv = nn.Conv1d(columns, columns * width, kernel, padding=kernel // 2, groups=columns)
        self.dropout = nn.Dropout(dropout)

    def forward(self, numeric: Tensor, mask: Tensor) -> Tensor:
        x = self.norm(numeric, mask).masked_fill(~mask.unsqueeze(-1), 0.0)
        return self.dropout(self.conv(x.transpose(1, 2)).transpose(1, 2))


class Stem(nn.Module):
    """Embeddings of the categorical columns beside the convolved numeric ones, and perhaps a linear map of them.

    Without any column all events get the same learnable vector.

    Parameters
    ----------
    kernel
        One of STEM_KERNELS; None without numeric columns.
    width
        D, to which a linear map leads; 0 for the published width, that of the columns together, at least 3.
    """

    def __init__(self, shape: EventShape, kernel: str | None, dropout: float, width: int = 0) -> None:
        super().__init__()
        sizes = [embedding_width(n) for n in shape.cardinalities]
        self.embeddings = nn.ModuleList(map(nn.Embedding, shape.cardinalities, sizes))
        joined = sum(sizes)
        self.numeric: NumericStem | None = None
        if kernel is not None:
            self.numeric = NumericStem(shape.n_numeric, _kernel_size(kernel, shape.max_length), dropout)
            joined += self.numeric.conv.out_channels
        self.width = width or max(joined, LEAST_WIDTH)
        self.event = None if joined else nn.Parameter(torch.randn(self.width))
        mapped = joined and (width or joined < self.width)
        self.widen = nn.Linear(joined, self.width) if mapped else nn.Identity()

    def forward(self, batch: EventBatch) -> Tensor:
        if self.event is not None:
            return self.event.expand(*batch.mask.shape, -1)
        parts = [embed(batch.categorical[..., j]) for j, embed in enumerate(self.embeddings)]
        if self.numeric is not None:
            parts.append(self.numeric(batch.numeric, batch.mask))
        return self.widen(torch.cat(parts, -1))


def _kernel_size(kernel: str, max_length: int) -> int:
    return min(1 + 2 * (max_length // 4), 11) if kernel == "long" else int(kernel)
