"""The supernet of the event-sequence space: each encoder layer is a mixture of its seven ops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.errors import UserError
from nni_nasplus.networks.partial_channels import part_of
from nni_nasplus.networks.supernet import Edge, MixedOperation, Supernet, Terms
from nni_nasplus.search.space import Architecture, Choice
from nni_nasplus.spaces.events.decisions import GRU, OPS, decisions
from nni_nasplus.spaces.events.encoder import EncoderLayer, SplitOps
from nni_nasplus.spaces.events.network import EventSequenceNet

__all__ = ["EventSupernet", "of_a_layer"]

_CELL = "encoder"


class _MixedSplit(MixedOperation):
    """The mixture in the place of a layer's :class:`SplitOps`; each forward pass of the supernet says the terms."""

    given: Terms | None = None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        assert self.given is not None
        return super().forward(x, self.given, mask)


class EventSupernet(Supernet):
    """Batches of events → logits [B, C], every op computed in each encoder layer.

    Parameters
    ----------
    architecture
        What is not searched: every decision but those of single layers of the encoder.
    hidden, dropout, width, clock
        See :class:`~nni_nasplus.spaces.events.network.EventSequenceNet`.
    heads
        Of the attention in each layer.
    fraction
        One in so many channels is computed by the ops of a layer, and the others pass by.
    order
        The decisions of the space, by default the published ones. Where there are cells, every layer has the GRU.

    Raises
    ------
    UserError
        If the architecture has no encoder layer, or channels do not divide by the fraction.
    """

    def __init__(
        self,
        shape: EventShape,
        architecture: Mapping[str, Any],
        hidden: int = 32,
        dropout: float = 0.1,
        width: int = 0,
        clock: Literal["time", "gaps"] = "time",
        *,
        heads: int = 1,
        fraction: int = 1,
        order: Iterable[str] | None = None,
    ) -> None:
        depth = architecture["encoder_layers"]
        if not depth:
            raise UserError("encoder_layers is 0; give the supernet 1, 2 or 4")
        super().__init__([Edge(_CELL, i, i + 1) for i in range(depth)], OPS)
        self.heads = heads
        self.fixed = {name: choice for name, choice in architecture.items() if not of_a_layer(name)}
        self._order = list(order or decisions(shape.n_numeric > 0))
        self.net = EventSequenceNet(shape, {**self.fixed, "encoder_layers": 0}, hidden, dropout, width, clock)
        width = self.net.stem.width
        part = part_of(width, fraction)
        self.net.encoder.extend(EncoderLayer("c", width, None, hidden, dropout) for _ in range(depth))
        for layer in self.net.encoder:
            ops = {op: SplitOps(op, part, heads, hidden) for op in OPS}
            layer.split = _MixedSplit(ops, fraction=fraction, axis=-1)

    def _run(self, x: EventBatch, terms: Mapping[str, Sequence[Terms]]) -> Tensor:
        for split, given in zip(self._splits, terms[_CELL], strict=True):
            split.given = given
        try:
            return self.net(x)
        finally:
            for split in self._splits:
                split.given = None

    @property
    def _splits(self) -> list[_MixedSplit]:
        return [module for module in self.net.encoder.modules() if isinstance(module, _MixedSplit)]

    def selected(self, architecture: Mapping[str, Any]) -> list[tuple[Edge, str]]:
        """The op of each layer of an architecture that differs in the ops alone."""
        return [(edge, architecture[f"encoder_{edge.target}_op"]) for edge in self.edges]

    def hold(self, name: str, choice: Choice) -> None:
        """Leave one op in a layer; what all layers have in common, and what is not searched, is held or it is not."""
        ops = {f"encoder_{edge.target}_op": edge for edge in self.edges}
        common = {"heads": self.heads, "cell": GRU}.get(name.rpartition("_")[2]) if of_a_layer(name) else None
        if name in ops:
            self.keep(ops[name], str(choice))
        elif self.fixed.get(name, common) != choice:
            super().hold(name, choice)

    def derive(self, weights: Mapping[str, Tensor] | None = None) -> Architecture:
        """In each layer the op that weighs most."""
        best = self._preferred(weights)[_CELL].argmax(-1).tolist()
        ops = {f"encoder_{edge.target}_op": OPS[i] for edge, i in zip(self.edges, best, strict=True)}
        heads = {name.replace("op", "heads"): self.heads for name, op in ops.items() if "a" in op}
        cells = {name.replace("op", "cell"): GRU for name, op in ops.items() if "g" in op}
        found = {**self.fixed, **ops, **heads, **cells}
        return {name: found[name] for name in self._order if name in found}

    def reset_parameters(self) -> None:
        """Draw anew the weights that no module of torch's has, by torch's global generator."""
        if self.net.stem.event is not None:
            nn.init.normal_(self.net.stem.event)
        if self.net.decoder is not None:
            nn.init.normal_(self.net.decoder.queries)


def of_a_layer(name: str) -> bool:
    """Whether a decision is one of a single layer of the encoder."""
    return name.startswith("encoder_") and name != "encoder_layers"
