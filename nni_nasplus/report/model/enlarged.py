"""What a network that enlarges pictures makes of photographs, and the bits that its layers have."""

from __future__ import annotations

import base64
from typing import Any

from torch import nn

from nni_nasplus.data.photos.side_by_side import SideBySide
from nni_nasplus.networks.quantised.bit_operations import layer_bits
from nni_nasplus.report.findings import Findings, figure
from nni_nasplus.run.bit_table import bit_rows
from nni_nasplus.run.model import Model

__all__ = ["enlarged"]

_SHOWN = 3
"""Photographs: parts of one take some 100 kB of the page."""


def enlarged(findings: Findings) -> dict[str, Any] | None:
    """The shipped network on test photographs; while the search runs the best so far on those that validate."""
    run, best = findings.run, next(iter(findings.history.best), None)
    if findings.result is not None:
        row = findings.result["rows"][0]
        told = {"model": f"The {row['name']}", "split": "test", "table": _table(row["validation"], row["test"])}
        return told | _seen(findings, Model.of(run).network, "test")
    if best is None:
        return None
    named = f"Trial {best.number}, the best so far"
    return {"model": named, "split": "validation", "table": []} | _seen(findings, run.network(best), "val")


def _table(validation: Any, test: Any) -> list[tuple[str, str, str]]:
    return [(name, figure(validation[name]), figure(test[name])) for name in test if name in validation]


def _seen(findings: Findings, network: nn.Module, split: str) -> dict[str, Any]:
    shown = findings.run.evaluator.side_by_side(network, split, _SHOWN)
    layers = bit_rows(layer_bits(network, findings.run.space.example()))
    return {"kind": "enlarged", "photographs": [_addressed(one) for one in shown], "layers": layers}


def _addressed(one: SideBySide) -> dict[str, Any]:
    addresses = ["data:image/png;base64," + base64.b64encode(each.png).decode() for each in one.shown]
    shown = zip(one.shown, addresses, strict=True)
    return {
        "name": one.name,
        "shown": [{"title": each.title, "figures": each.figures, "picture": address} for each, address in shown],
    }
