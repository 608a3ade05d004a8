"""The decoder: one learnable query per class reads the sequence (SeqNAS, arXiv 2401.03246)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nni_nasplus.spaces.events.blocks import Attention, FeedForward, UnfoldedCrossAttention

__all__ = ["Decoder", "DecoderLayer"]


class DecoderLayer(nn.Module):
    """Pre-LN self-attention of the queries, cross-attention to the memory, feed-forward, all residual."""

    def __init__(self, width: int, self_heads: int, cross_heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.self_norm = nn.LayerNorm(width)
        self.self_attention = Attention(width, self_heads, hidden)
        self.cross_norm = nn.LayerNorm(width)
        self.cross_attention = Attention(width, cross_heads, hidden)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = FeedForward(width, hidden, dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Queries x [B, C, D] read memory [B, L, D] where mask [B, L] is true → [B, C, D]."""
        x = x + self.dropout(self.self_attention(self.self_norm(x)))
        x = x + self.dropout(self.cross_attention.cross(self.cross_norm(x), memory, mask))
        return x + self.feed_forward(x)

    def unfold_weights(self) -> None:
        """Compute the same with layers that :class:`nni_nasplus.proxies.kernel.ExampleGradients` has rules for."""
        self.cross_attention = UnfoldedCrossAttention(self.cross_attention)


class Decoder(nn.Module):
    """Layers, given by their (self heads, cross heads), that turn [B, L, D] into [B, C, D]."""

    def __init__(
        self, heads: Sequence[tuple[int, int]], n_classes: int, width: int, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(n_classes, width))
        self.layers = nn.ModuleList(DecoderLayer(width, own, cross, hidden, dropout) for own, cross in heads)

    def forward(self, memory: Tensor, mask: Tensor) -> Tensor:
        x = self.queries.expand(memory.shape[0], -1, -1)
        for layer in self.layers:
            x = layer(x, memory, mask)
        return x
