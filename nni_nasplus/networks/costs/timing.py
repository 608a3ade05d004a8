"""How latencies are measured: by torch or by onnxruntime, on one thread of this machine's CPU or on several."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import torch
from torch import nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.export import export_onnx

__all__ = ["Runtime", "Timing"]

Runtime = Literal["torch", "onnxruntime"]
_LARGEST = 31 * 2**20
"""Bytes: just below the largest block after which glibc raises its threshold for keeping memory (32 MiB)."""


@dataclass(frozen=True)
class Timing:
    """Measures forward passes in evaluation mode.

    Parameters
    ----------
    threads
        On how many a pass is computed. On one, what other processes take in between does not count; on several it
        does, as only the clock on the wall knows of all of them.
    runtime
        What computes: torch, or onnxruntime what is exported.

    Raises
    ------
    UserError
        If there is no such runtime, it is not installed, or threads are none.
    """

    threads: int = 1
    runtime: Runtime = "torch"

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise UserError(f"--latency-threads is {self.threads}; use 1 or more")
        if self.runtime not in ("torch", "onnxruntime"):
            raise UserError(f"--latency-runtime is '{self.runtime}'; use torch or onnxruntime")
        if self.runtime == "onnxruntime":
            _require_onnxruntime()

    def ms(self, network: nn.Module, example: Any, repeats: int = 10) -> float:
        """Milliseconds of one pass: the median, after one to warm up.

        Raises
        ------
        UserError
            If the network cannot be exported to the runtime.
        """
        _keep_memory()
        measure = self._by_torch if self.runtime == "torch" else self._by_onnxruntime
        return measure(network, example, repeats)

    def _median(self, run: Callable[[], Any], repeats: int) -> float:
        clock, times = time.thread_time if self.threads == 1 else time.perf_counter, []
        run()
        for _ in range(repeats):
            started = clock()
            run()
            times.append(clock() - started)
        return 1000 * median(times)

    def _by_torch(self, network: nn.Module, example: Any, repeats: int) -> float:
        training, threads = network.training, torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode():
                network.eval()
                return self._median(lambda: network(example), repeats)
        finally:
            torch.set_num_threads(threads)
            network.train(training)

    def _by_onnxruntime(self, network: nn.Module, example: Any, repeats: int) -> float:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = self.threads, 1, 3
        fields = tuple(example if isinstance(example, tuple) else (example,))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            if not export_onnx(network, example, path):
                raise UserError("the network cannot be exported to ONNX; measure with --latency-runtime torch")
            session = InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = getattr(example, "_fields", [session.get_inputs()[0].name])
        known = {given.name for given in session.get_inputs()}  # what a network does not read is no input
        inputs = {name: field.numpy() for name, field in zip(names, fields, strict=True) if name in known}
        return self._median(lambda: session.run(None, inputs), repeats)

    def __str__(self) -> str:
        count = "one thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{count} of {self.runtime} here"


def _keep_memory() -> None:
    """Have the process keep memory that is freed, as any does that has once freed much.

    Until then glibc gives each large tensor back to the system: of networks at 224 pixels a pass has thousands of page
    faults, which take a third of its time, vary with all that the machine does, and do not add up over parts.
    """
    torch.empty(_LARGEST, dtype=torch.uint8)


def _require_onnxruntime() -> None:
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        raise UserError("onnxruntime is not installed; install nni-nasplus[onnx], or measure with torch") from None
