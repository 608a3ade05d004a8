"""What ``nasplus quantise`` prints: score against size, and the bits of each layer."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from nni_nasplus.networks.quantised.bit_operations import layer_bits
from nni_nasplus.run.bit_table import bit_rows
from nni_nasplus.tail.narrowed import Narrowed

__all__ = ["print_layers", "print_networks"]

_MOST = 30
"""Layers that are printed; all are in the file."""
_TITLES = ("layer", "weights", "inputs", "multiply-\nadds", "share of\noperations")
"""So narrow that names of layers are whole in 80 characters."""


def print_networks(networks: Sequence[Narrowed], objective: str, wanted: Sequence[str]) -> None:
    """A row for each network: how it scores, and what it takes; below them who of those that are wanted is missing."""
    caption = "KiB: weights packed at their bits; bit operations: millions for one example"
    if missing := [name for name in wanted if name not in {one.name for one in networks}]:
        caption += f"\nno time was left for {', '.join(missing)} everywhere: give more by --minutes"
    table = Table(caption=caption)
    titles = ("network", f"validation\n{objective}", f"test\n{objective}", "95 %\nof test", "KiB", "bit\noperations")
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for one in networks:
        told = one.test.to_json(objective)
        score = f"{one.metrics[objective]:.4f}" if objective in one.metrics else ""
        interval = "–".join(f"{end:.3f}" for end in told["interval"])
        size = (f"{one.kibibytes:,.1f}", f"{one.bit_operations / 1e6:,.2f}")
        table.add_row(one.name, score, f"{told['test']:.4f}", interval, *size)
    Console().print(table)


def print_layers(network: Narrowed) -> None:
    """A row for each layer, in the order in which they run."""
    rows = bit_rows(layer_bits(network.network, network.space.example()))
    table = Table(caption=f"and {len(rows) - _MOST} more, in bits.csv" if len(rows) > _MOST else None)
    for number, title in enumerate(_TITLES):
        table.add_column(title, justify="right" if number else "left", overflow="fold", no_wrap=bool(number))
    for row in rows[:_MOST]:
        table.add_row(*row)
    Console().print(table)
