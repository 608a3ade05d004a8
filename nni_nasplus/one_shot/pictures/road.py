"""The road of a search in a supernet: what it would answer after each epoch, and by which weights.

Importing this module does not import torch: reports read what searches leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nni_nasplus._files import damage_named, read_json, write_json
from nni_nasplus.search.space import Architecture

__all__ = ["ROAD", "Road"]

ROAD = "road.json"
"""The file in the folder of a search."""
_DIGITS = 3


@dataclass
class Road:
    """The stages of a search, in order.

    Parameters
    ----------
    operations
        The candidates, the columns of weights.
    edges
        By kind of cell the names of its edges, the rows of weights.
    stages
        Of each epoch its number from 1 (``epoch``), the ``architecture`` that is derived after it, and by kind of cell
        the ``weights`` of operations, [E, O], by which.
    """

    operations: Sequence[str] = ()
    edges: Mapping[str, Sequence[str]] = field(default_factory=dict)
    stages: list[dict[str, Any]] = field(default_factory=list)

    def passes(self, epoch: int, architecture: Architecture, weights: Mapping[str, Sequence[Sequence[float]]]) -> None:
        """Add a stage."""
        rounded = {cell: [[round(w, _DIGITS) for w in row] for row in rows] for cell, rows in weights.items()}
        self.stages.append({"epoch": epoch, "architecture": dict(architecture), "weights": rounded})

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def save(self, folder: Path) -> None:
        """Write it into the folder of its search."""
        write_json(folder / ROAD, self.to_json())

    @classmethod
    def load(cls, path: Path) -> Road:
        """What was saved.

        Raises
        ------
        UserError
            If the file is damaged.
        """
        with damage_named(path):
            return cls(**read_json(path))
