"""The bits of each layer of a network, as a table and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from nni_nasplus._files import new_file
from nni_nasplus.drawing.bits import draw_bits
from nni_nasplus.networks.quantised.bit_operations import LayerBits

__all__ = ["bit_rows", "write_bits"]

_COLUMNS = ("layer", "weights", "inputs", "multiply-adds", "share of bit operations")


def bit_rows(layers: Sequence[LayerBits]) -> list[tuple[str, ...]]:
    """Of each layer its name, the bits of weights and inputs, its multiply-adds and its share of all operations."""
    total = sum(layer.operations for layer in layers)
    return [
        (name, str(bits.weights), str(bits.inputs), str(macs), f"{100 * layer.operations / total:.1f} %")
        for layer in layers
        for name, bits, macs in [layer]
    ]


def write_bits(layers: Sequence[LayerBits], folder: Path) -> None:
    """Leave bits.csv and bits.svg in a folder, where there are such layers."""
    if not layers:
        return
    with new_file(folder / "bits.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([_COLUMNS, *bit_rows(layers)])
    total = sum(layer.multiply_adds for layer in layers)
    shares = [layer.multiply_adds / total for layer in layers]
    draw_bits(folder / "bits.svg", [one.name for one in layers], [one.bits for one in layers], shares)
