"""Latencies of networks from a table: the sum of their parts, corrected on whole networks that were measured."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn

from nni_nasplus._files import damage_named, read_json, write_json
from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.parts import parts_of
from nni_nasplus.networks.costs.table import LatencyTable
from nni_nasplus.networks.costs.timing import Timing

if TYPE_CHECKING:
    from nni_nasplus.networks.network_space import NetworkSpace

__all__ = ["Correction", "LatencyModel"]

_REPEATS = 30
_FITTED, _HELD_OUT = 15, 15
"""Random networks that are measured as a whole: to correct sums, and to see how wrong they are then."""
_MOST = 0.8
"""The largest error of fifteen would be that of a moment at which the machine did something else."""


class Correction(NamedTuple):
    """From the sum of a network's parts to its latency: what lies between parts is in no row."""

    offset: float = 0.0
    """Milliseconds."""
    factor: float = 1.0
    error: float | None = None
    """The median relative error on networks that were not used for it; None where nothing was measured."""
    spread: float = 0.0
    """What four in five of these errors do not exceed."""

    @classmethod
    def fitted(cls, sums: list[float], measured: list[float]) -> Correction:
        """That of the least squares of relative errors on every other network; the errors are those on the others.

        So what the machine does meanwhile meets both alike.
        """
        known, total = np.array(measured), np.array(sums)
        columns = np.stack([1 / known, total / known], 1)[::2]
        (offset, factor), *_ = np.linalg.lstsq(columns, np.ones(len(columns)))
        errors = (np.abs(offset + factor * total - known) / known)[1::2]
        return cls(float(offset), float(factor), float(median(errors)), float(np.quantile(errors, _MOST)))

    def corrected(self, total: float) -> float:
        """The latency of a network whose parts take so long in all."""
        return self.offset + self.factor * total


@dataclass
class LatencyModel:
    """What predicts latencies in a search.

    Parameters
    ----------
    table
        Of parts.
    correction
        Of their sums.
    path
        The CSV file that keeps the table; all else is beside it, in a file of the same name that ends in .json.
    networks
        Latencies of whole networks that were measured, by what names their parts.
    """

    table: LatencyTable
    correction: Correction
    path: Path
    networks: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, space: NetworkSpace, path: Path, given: Path | None = None, timing: Timing | None = None
    ) -> LatencyModel | None:
        """The model that is kept at a path, or a new one.

        Parameters
        ----------
        space
            Whose networks are measured.
        given
            The table of another device, which is taken as it is; measured on this machine where None.
        timing
            How that is measured; on one thread of torch where None.

        Returns
        -------
        None where networks of the space have no named parts: each has to be measured as a whole.

        Raises
        ------
        UserError
            If a file is damaged, or the given table has no row for a part of a network.
        """
        measuring = None if given is not None else timing or Timing()
        if path.exists():
            model = cls(LatencyTable.read(path, measuring), Correction(), path)
            model._read()
            return model
        if not parts_of(_drawn(space, 0), space.example()):
            if given is not None:
                raise UserError(f"networks of {type(space).__name__} have no parts with latencies; leave the table out")
            return None
        table = LatencyTable(timing=measuring) if given is None else LatencyTable.read(given)
        model = cls(table, Correction(), path)
        if given is None:
            model.correct(space)
        else:
            table.total(_drawn(space, 0), space.example())
        model.save()
        return model

    def correct(self, space: NetworkSpace) -> None:
        """Measure whole random networks, and their parts, and correct the sums by them."""
        sums, measured = [], []
        for seed in range(_FITTED + _HELD_OUT):
            network = _drawn(space, seed)
            sums.append(self.table.total(network, space.example()))
            measured.append(self.timing.ms(network, space.example(), _REPEATS))
        self.correction = Correction.fitted(sums, measured)

    def predicted(self, network: nn.Module, example: Any) -> float:
        """Milliseconds of one forward pass; parts that were not known are measured and kept.

        Raises
        ------
        UserError
            If a part is not known and nothing is measured.
        """
        known = len(self.table.rows)
        total = self.table.total(network, example)
        if len(self.table.rows) > known:
            self.save()
        return self.correction.corrected(total)

    def measured(self, network: nn.Module, example: Any) -> float:
        """Milliseconds of one forward pass, measured once: whoever asks again, in any process, is told the same."""
        words = " ".join(str(part) for part, _ in parts_of(network, example))
        name = hashlib.sha256(words.encode()).hexdigest()[:16]
        if name not in self.networks:
            self._read()
        if name not in self.networks:
            self.networks[name] = self.timing.ms(network, example, _REPEATS)
            self.save()
        return self.networks[name]

    @property
    def timing(self) -> Timing:
        """How this machine is measured."""
        return self.table.timing or Timing()

    def save(self) -> None:
        """Keep it; the table comes last, and tells that the rest is there."""
        write_json(self._beside, {"correction": self.correction._asdict(), "networks": self.networks})
        self.table.save(self.path)

    def _read(self) -> None:
        if self._beside.exists():
            with damage_named(self._beside, _REMEDY):
                kept = read_json(self._beside, _REMEDY)
                self.correction = Correction(**kept["correction"])
                self.networks |= kept["networks"]

    @property
    def _beside(self) -> Path:
        return self.path.with_suffix(".json")

    @property
    def note(self) -> str:
        """What there is to know of it, in a line."""
        rows = f"latency: predicted by {len(self.table.rows)} rows in {self.path.name}"
        if self.correction.error is None:
            return f"{rows}, as given"
        errors = f"{_HELD_OUT} networks held out differ by {self.correction.error:.1%} in the median"
        return f"{rows}, of {self.timing}; {errors}, four in five by {self.correction.spread:.1%} at most"


_REMEDY = "remove it and the table beside it, to measure again"


def _drawn(space: NetworkSpace, seed: int) -> nn.Module:
    """The network of a random architecture."""
    with torch.random.fork_rng(devices=[]):
        return space.build(space.search_space.sample(np.random.default_rng(seed))).eval()
