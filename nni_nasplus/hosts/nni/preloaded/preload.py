"""What the fork server imports before it forks. Nothing here may start a thread pool or touch CUDA."""

from __future__ import annotations

import gc
import importlib
import json
import os
from pathlib import Path

__all__ = ["preload"]

_MODULES = (
    "pytorch_lightning",
    "torchmetrics",
    "nni",
    "nni.nas.execution.training_service",
    "nni.nas.evaluator.pytorch",
    "nni.nas.nn.pytorch",
    "torch.utils.tensorboard",
    "torch.onnx",
    "onnx",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "nni_nasplus.training.evaluator",
    "nni_nasplus.hosts.nni.trial",
)
_TRIAL = "nni_nasplus.hosts.nni"


def preload(arguments: list[str]) -> int:
    """Import what trials with such arguments import.

    A module that cannot be imported is left to the trial, which then says so.

    Returns
    -------
    The number of threads that torch would take; it has been set to one.
    """
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for module in (*_MODULES, *_plugged_in(arguments)):
        try:
            importlib.import_module(module)
        except Exception:  # noqa: BLE001
            continue
    gc.collect()
    gc.freeze()
    return threads


def _plugged_in(arguments: list[str]) -> list[str]:
    """The modules of the space and the evaluator of a run directory."""
    if arguments[:2] != ["-m", _TRIAL]:
        return []
    try:
        settings = json.loads((Path(arguments[2]) / "run.json").read_text(encoding="utf-8"))
        return [settings[part]["class_path"].rpartition(".")[0] for part in ("space", "evaluator")]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []
