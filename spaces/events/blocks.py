"""Attention and feed-forward, which encoder and decoder are made of (SeqNAS, arXiv 2401.03246)."""

from __future__ import annotations

from torch import Tensor, nn, ones
from torch.nn.functional import scaled_dot_product_attention

__all__ = ["Attention", "FeedForward", "UnfoldedCrossAttention"]


class Attention(nn.Module):
    """Heads of ``hidden`` channels each, however wide the input; a learnable scalar weighs each head.

    softmax(QKᵀ/√hidden)V · scalar per head, concatenated → LayerNorm → Linear back to ``width``.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = (heads, hidden)
        self.qkv = nn.Linear(width, 3 * heads * hidden, bias=False)
        self.scale = nn.Parameter(ones(heads, 1, 1))
        self.norm = nn.LayerNorm(heads * hidden)
        self.out = nn.Linear(heads * hidden, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Self-attention: x [B, L, width] attends to itself where mask [B, L] is true → [B, L, width]."""
        query, key, value = self.qkv(x).chunk(3, -1)
        return self._attend(query, key, value, mask)

    def cross(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """Cross-attention: x [B, Q, width] attends to memory [B, L, width] where mask [B, L] is true."""
        w_query, w_key, w_value = self.qkv.weight.chunk(3)
        return self._attend(x @ w_query.T, memory @ w_key.T, memory @ w_value.T, mask)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (t.unflatten(-1, self.heads).transpose(1, 2) for t in (query, key, value))
        allowed = None if mask is None else mask[:, None, None, :]
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=allowed) * self.scale
        return self.out(self.norm(mixed.transpose(1, 2).flatten(2)))


class UnfoldedCrossAttention(Attention):
    """Cross-attention with the weights of another, whose query, key and value are layers of their own.

    As parts of one matrix they would have no outputs of layers, by which gradients of examples are taken.
    """

    def __init__(self, attention: Attention) -> None:
        nn.Module.__init__(self)
        self.heads, self.scale = attention.heads, attention.scale
        self.norm, self.out = attention.norm, attention.out
        self.parts = nn.ModuleList(map(_linear, attention.qkv.weight.chunk(3)))

    def cross(self, x: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        query, key, value = self.parts
        return self._attend(query(x), key(memory), value(memory), mask)


def _linear(weight: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    layer.weight = nn.Parameter(weight.detach())
    return layer


class FeedForward(nn.Sequential):
    """LayerNorm → Linear to ``hidden`` → dropout → Mish → LayerNorm → Linear back → dropout, [..., width]."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width),
            nn.Linear(width, hidden),
            nn.Dropout(dropout),
            nn.Mish(),
            nn.LayerNorm(hidden),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )
