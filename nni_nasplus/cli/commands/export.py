"""``nasplus export``: the winner as files that score new data."""

from __future__ import annotations

import sys
from pathlib import Path

from nni_nasplus.errors import UserError
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run

__all__ = ["export"]


def export(directory: str, *, to: str, trial: int | None = None, onnx: bool = False) -> None:
    """Write the winner's architecture, weights, preprocessing and picture.

    Parameters
    ----------
    directory
        The directory given to --out of the search.
    to
        The directory to write; it must be new or empty.
    trial
        Another trial than the best.
    onnx
        Write model.onnx too (needs the onnx extra).
    """
    run, out = Run.open(directory), Path(to)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} exists and is not empty; name a new directory with --to")
    Model.of(run, trial).save(out, onnx=onnx)
    run.warn_of_edits()
    sys.stdout.write(f"{out}: {', '.join(sorted(path.name for path in out.iterdir()))}\n")
