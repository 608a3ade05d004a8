"""The encoder: layers of attention, recurrence and convolution side by side (SeqNAS, arXiv 2401.03246)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.events.blocks import Attention, FeedForward
from nni_nasplus.spaces.events.decisions import GRU

__all__ = ["CellRecurrence", "Convolution", "EncoderLayer", "Recurrence", "SplitOps"]


class Recurrence(nn.Module):
    """A GRU over the events [B, L, d]; padding comes after them and cannot reach them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gru = nn.GRU(width, width, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.gru(x)[0]


class CellRecurrence(nn.Module):
    """A cell, as :func:`~nni_nasplus.spaces.recurrent.cells.cell_of` makes it, over the events [B, L, d].

    It runs in full precision where the rest does not: rounding would add up in its states. Its output is 0 at padding,
    where a state may grow beyond bounds.

    Raises
    ------
    UserError
        While it is exported to ONNX, which would keep the example's number of events.
    """

    def __init__(self, cell: str, width: int) -> None:
        from nni_nasplus.spaces.recurrent.cells import cell_of

        super().__init__()
        self.cell = cell_of(cell, width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():
            raise UserError("ONNX has no loop for a recurrent cell over events; choose the space's own gru")
        with torch.autocast(x.device.type, enabled=False):
            weight = next(self.parameters())
            outputs, _ = self.cell(x.to(weight.dtype).transpose(0, 1))
        return outputs.transpose(0, 1).masked_fill(~mask.unsqueeze(-1), 0.0)


class Convolution(nn.Module):
    """A convolution over three neighbouring events of [B, L, d], that sees padding as zeros."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = x.masked_fill(~mask.unsqueeze(-1), 0.0)
        return self.conv(x.transpose(1, 2)).transpose(1, 2)


class SplitOps(nn.Module):
    """The channels of [B, L, D] in as many parts as the op has letters, each part through its own.

    The first parts are one channel wider where D does not divide. ``kind`` says which ops these are, with the cell that
    is in the GRU's place.
    """

    def __init__(self, op: str, width: int, heads: int | None, hidden: int, cell: str = GRU) -> None:
        super().__init__()
        self.kind = op if cell == GRU or "g" not in op else f"{op} {cell}"
        self.widths = [width // len(op) + (i < width % len(op)) for i in range(len(op))]
        self.ops = nn.ModuleList(
            _make(letter, part, heads, hidden, cell) for letter, part in zip(op, self.widths, strict=True)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        parts = x.split(self.widths, -1)
        return torch.cat([op(part, mask) for op, part in zip(self.ops, parts, strict=True)], -1)


def _make(letter: str, width: int, heads: int | None, hidden: int, cell: str) -> nn.Module:
    if letter == "a":
        assert heads is not None
        return Attention(width, heads, hidden)
    if letter == "g":
        return Recurrence(width) if cell == GRU else CellRecurrence(cell, width)
    return Convolution(width)


class EncoderLayer(nn.Module):
    """y = x + Drop(SplitOps(LN x)), then y + FeedForward(y), on [B, L, D] with the mask [B, L].

    ``heads`` is None for an op without attention; ``cell`` is what runs in the GRU's place.
    """

    def __init__(self, op: str, width: int, heads: int | None, hidden: int, dropout: float, cell: str = GRU) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.split = SplitOps(op, width, heads, hidden, cell)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = FeedForward(width, hidden, dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = x + self.dropout(self.split(self.norm(x), mask))
        return y + self.feed_forward(y)
