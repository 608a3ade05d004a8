"""The decisions of the event-sequence space (SeqNAS, arXiv 2401.03246) and when each of them counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["ALL_POOLINGS", "GRU", "HEADS", "OPS", "POOLINGS", "STEM_KERNELS", "conditions", "decisions"]

STEM_KERNELS = ["1", "3", "5", "long"]
OPS = ["a", "g", "c", "ag", "ac", "gc", "agc"]
HEADS = [1, 2, 4, 8]
POOLINGS = ["mean", "max", "mixed"]
ALL_POOLINGS = [*POOLINGS, "last", "attention"]
"""The published ones, and what recurrent networks and transformers commonly use; genotypes name them by position."""
GRU = "gru"
"""The published recurrence, :class:`torch.nn.GRU`."""

ENCODER_LAYERS = [0, 1, 2, 4]
DECODER_LAYERS = [0, 1, 2]


def decisions(has_numeric: bool, cells: Sequence[str] = (), poolings: Sequence[str] = POOLINGS) -> dict[str, list[Any]]:
    """Every decision with its values, in order; the stem's two exist only with numeric columns.

    An op is the subset of attention, GRU and convolution that runs in parallel, one letter each. With ``cells`` each
    layer decides which of them runs in the GRU's place, if any.
    """
    cell = {"encoder_{}_cell": [GRU, *cells]} if cells else {}
    return {
        **({"stem_kernel": STEM_KERNELS, "stem_dropout": [0, 1]} if has_numeric else {}),
        "temporal_encoding": [0, 1],
        "encoder_layers": ENCODER_LAYERS,
        **_per_layer(ENCODER_LAYERS, {"encoder_{}_op": OPS, "encoder_{}_heads": HEADS, **cell}),
        "decoder_layers": DECODER_LAYERS,
        **_per_layer(DECODER_LAYERS, {"decoder_{}_self_heads": HEADS, "decoder_{}_cross_heads": HEADS}),
        "temporal_dropout": [0, 1],
        "pooling": list(poolings),
    }


def conditions(cells: Sequence[str] = ()) -> dict[str, dict[str, list[Any]]]:
    """For each conditional decision, the values its parents must have: it is active iff all of them do."""
    found: dict[str, dict[str, list[Any]]] = {}
    for i in range(1, max(ENCODER_LAYERS) + 1):
        exists = {"encoder_layers": [n for n in ENCODER_LAYERS if n >= i]}
        found[f"encoder_{i}_op"] = exists
        found[f"encoder_{i}_heads"] = {**exists, f"encoder_{i}_op": [op for op in OPS if "a" in op]}
        if cells:
            found[f"encoder_{i}_cell"] = {**exists, f"encoder_{i}_op": [op for op in OPS if "g" in op]}
    for i in range(1, max(DECODER_LAYERS) + 1):
        exists = {"decoder_layers": [n for n in DECODER_LAYERS if n >= i]}
        found[f"decoder_{i}_self_heads"] = found[f"decoder_{i}_cross_heads"] = exists
    return found


def _per_layer(depths: list[int], layer: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {name.format(i): values for i in range(1, max(depths) + 1) for name, values in layer.items()}
