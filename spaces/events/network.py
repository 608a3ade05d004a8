"""The network of one architecture of the event-sequence space, in plain torch (SeqNAS, arXiv 2401.03246)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.spaces.events.decisions import GRU
from nni_nasplus.spaces.events.decoder import Decoder
from nni_nasplus.spaces.events.encoder import EncoderLayer
from nni_nasplus.spaces.events.head import Head
from nni_nasplus.spaces.events.stem import Stem
from nni_nasplus.spaces.events.temporal import TemporalEncoding

__all__ = ["EventSequenceNet"]


class EventSequenceNet(nn.Module):
    """Events → stem → (+ temporal encoding) → encoder → decoder → head.

    ``architecture``: the active decisions, see decisions.py. ``hidden``: width of each attention head and of
    the feed-forward layers. ``dropout``: in [0, 0.5]; temporal dropout drops whole steps at twice that rate.
    ``width``: of the stream of events from the stem to the head, 0 for the published one (see stem.py). ``clock``: what
    the temporal encoding tells, the ``gaps`` between events or both these and the ``time`` (see temporal.py).

    Without encoder the decoder reads the stem, without decoder the head does with what came before.
    Padding, its amount and its content, never changes a logit.
    """

    def __init__(
        self,
        shape: EventShape,
        architecture: Mapping[str, Any],
        hidden: int = 32,
        dropout: float = 0.1,
        width: int = 0,
        clock: Literal["time", "gaps"] = "time",
    ) -> None:
        super().__init__()
        a = architecture
        self.stem = Stem(shape, a.get("stem_kernel"), dropout * a.get("stem_dropout", 0), width)
        width = self.stem.width
        periods = shape.periods if clock == "time" else ()
        self.temporal = TemporalEncoding(periods, width) if a["temporal_encoding"] else None
        layers = [
            (a[f"encoder_{i}_op"], a.get(f"encoder_{i}_heads"), a.get(f"encoder_{i}_cell", GRU))
            for i in range(1, a["encoder_layers"] + 1)
        ]
        self.encoder = nn.ModuleList(
            EncoderLayer(op, width, heads, hidden, dropout, cell) for op, heads, cell in layers
        )
        decoder_heads = [
            (a[f"decoder_{i}_self_heads"], a[f"decoder_{i}_cross_heads"]) for i in range(1, a["decoder_layers"] + 1)
        ]
        self.decoder = Decoder(decoder_heads, shape.n_classes, width, hidden, dropout) if decoder_heads else None
        self.head = Head(width, shape.n_classes, a["pooling"], 2 * dropout * a["temporal_dropout"])

    def forward(self, batch: EventBatch) -> Tensor:
        """Logits [B, C] of B users."""
        batch = _blank_padding(batch)
        x, mask = self.stem(batch), batch.mask
        if self.temporal is not None:
            x = x + self.temporal(batch)
        for layer in self.encoder:
            x = layer(x, mask)
        if self.decoder is not None:
            x = self.decoder(x, mask)
            mask = mask.new_ones(x.shape[:2])
        return self.head(x, mask)


def _blank_padding(batch: EventBatch) -> EventBatch:
    """The batch with zeros where it is padding, whatever was there."""
    padding = ~batch.mask
    return batch._replace(
        categorical=batch.categorical.masked_fill(padding.unsqueeze(-1), 0),
        numeric=batch.numeric.masked_fill(padding.unsqueeze(-1), 0.0),
        time=batch.time.masked_fill(padding, 0.0),
        gap=batch.gap.masked_fill(padding, 0.0),
    )
