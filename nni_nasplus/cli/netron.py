"""A trial's network in netron, the viewer of ONNX files, served on this machine."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nni_nasplus.errors import UserError
from nni_nasplus.hosts.nni.manager import LOOPBACK
from nni_nasplus.networks.export import export_onnx, onnx_available
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run

__all__ = ["network_in_netron"]


@contextlib.contextmanager
def network_in_netron(run: Run, trial: int | None = None) -> Iterator[str]:
    """Where netron shows the network of a trial, by default the best, while this is open; or why it does not, in words.

    Raises
    ------
    UserError
        If a trial is named that has not finished, or netron is not installed.
    """
    if importlib.util.find_spec("netron") is None or not onnx_available():
        if trial is not None:
            raise UserError('the network of a trial is shown by netron; pip install "nni-nasplus[netron]"')
        yield 'not installed; pip install "nni-nasplus[netron]"'
        return
    if trial is None and not (run.has_trials and run.history().best):
        yield "no trial has finished"
        return
    with tempfile.TemporaryDirectory() as folder:
        model, path = Model.of(run, trial, what="winner"), Path(folder) / "model.onnx"
        if export_onnx(model.network, model.example(), path):
            with _served(path) as url:
                yield url
        else:
            yield "this network cannot be written as ONNX"


@contextlib.contextmanager
def _served(path: Path) -> Iterator[str]:
    import netron

    logging.getLogger().addHandler(logging.NullHandler())  # else netron has every logger print
    host, port = netron.start(str(path), address=(LOOPBACK, 0), browse=False)
    try:
        yield f"http://{host}:{port}"
    finally:
        netron.stop((host, port))
