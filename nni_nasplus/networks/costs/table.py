"""A table of latencies: a CSV file with a row for each operation and shape, of this machine or of any other."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nni_nasplus._files import write_text
from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.parts import Part, parts_of
from nni_nasplus.networks.costs.timing import Timing

__all__ = ["LatencyTable"]

_COLUMNS = (*Part._fields, "ms")
_REPEATS = 30


class LatencyTable:
    """Milliseconds by operation and shape.

    Parameters
    ----------
    rows
        What is known.
    timing
        Measures what is not known on this machine; None for the table of another device, which is as it is.
    """

    def __init__(self, rows: Mapping[Part, float] | None = None, timing: Timing | None = None) -> None:
        self.rows = dict(rows or {})
        self.timing = timing

    def ms(self, part: Part, module: nn.Module) -> float:
        """The latency of a part; where it is not known, the median of 30 passes of the module, which is kept.

        Raises
        ------
        UserError
            If it is not known and this table measures nothing.
        """
        if part not in self.rows:
            if self.timing is None:
                raise UserError(f"the latency table has no row for {part}; add one, or take one of this space and size")
            training = module.training
            self.rows[part] = self.timing.ms(module, torch.zeros(_taken(module, part)), _REPEATS)
            module.train(training)
        return self.rows[part]

    def total(self, network: nn.Module, example: Any) -> float:
        """The sum of the latencies of a network's parts.

        Raises
        ------
        UserError
            If the network has no named parts, or one is not known and this table measures nothing.
        """
        parts = parts_of(network, example)
        if not parts:
            raise UserError("the network has no parts that a latency table could have rows for; limit flops instead")
        return math.fsum(self.ms(part, module) for part, module in parts)

    def save(self, path: Path) -> None:
        """Write it, atomically."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows((*part, f"{ms:.6g}") for part, ms in self.rows.items())
        write_text(path, text.getvalue())

    @classmethod
    def read(cls, path: Path, timing: Timing | None = None) -> LatencyTable:
        """Read a table.

        Raises
        ------
        UserError
            If the file cannot be read, or a row is not as it should be.
        """
        try:
            lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        except (OSError, ValueError, csv.Error) as error:
            raise UserError(f"the latency table {path} cannot be read ({error}); name a CSV file") from None
        if not lines or tuple(lines[0]) != _COLUMNS:
            raise UserError(f"the latency table {path} has other columns; its first line is: {','.join(_COLUMNS)}")
        return cls(dict(_row(path, number, line) for number, line in enumerate(lines[1:], 2)), timing)


def _row(path: Path, number: int, line: list[str]) -> tuple[Part, float]:
    try:
        operation, *sides, ms = line
        part, value = Part(operation, *map(int, sides)), float(ms)
        if not 0 <= value < math.inf:
            raise ValueError
    except (TypeError, ValueError):
        raise UserError(
            f"line {number} of the latency table {path} is no operation, six whole numbers and milliseconds; mend it"
        ) from None
    return part, value


def _taken(module: nn.Module, part: Part) -> tuple[int, ...]:
    """The shape of what a module takes: vectors for a linear layer, else images."""
    return part.shape[:2] if isinstance(module, nn.Linear) else part.shape
