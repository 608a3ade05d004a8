"""What an architecture costs: parameters, floating-point operations, time."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

__all__ = ["count_flops", "count_parameters", "latency_ms"]

_LARGEST = 31 * 2**20
"""Bytes: just below the largest block after which glibc raises its threshold for keeping memory (32 MiB)."""


def count_parameters(network: nn.Module) -> int:
    """Trainable weights of the network in use, as papers count them.

    An auxiliary head, a submodule of the name ``auxiliary``, serves training alone and does not count.
    """
    weights = ((name.split("."), weight) for name, weight in network.named_parameters() if weight.requires_grad)
    return sum(weight.numel() for path, weight in weights if "auxiliary" not in path)


def count_flops(network: nn.Module, example: Any) -> int:
    """Floating-point operations of the matrix products and convolutions of one forward pass in evaluation mode.

    A multiply-add counts as two, as in :mod:`torch.utils.flop_counter`.
    """
    training = network.training
    arranged = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    counter = FlopCounterMode(display=False, custom_mapping={arranged: _linear} if arranged else {})
    with counter, torch.enable_grad():
        network.eval()(example)
    network.train(training)
    return counter.get_total_flops()


def _linear(given: torch.Size, weight: torch.Size, *_: Any, out_shape: torch.Size, **__: Any) -> int:
    """Of oneDNN's linear layer, [..., I] to [..., O], which torch's counter does not know."""
    return 2 * given.numel() * out_shape[-1]


def _keep_memory() -> None:
    """Have the process keep memory that is freed, as any does that has once freed much.

    Until then glibc gives each large tensor back to the system: of networks at 224 pixels a pass has thousands of page
    faults, which take a third of its time, vary with all that the machine does, and do not add up over parts.
    """
    torch.empty(_LARGEST, dtype=torch.uint8)


def latency_ms(network: nn.Module, example: Any, repeats: int = 10) -> float:
    """Milliseconds of one forward pass in evaluation mode on one thread of this machine's CPU.

    The median, after one to warm up, of the time that the thread computes: what other processes take in between does
    not count.
    """
    _keep_memory()
    training, times, threads = network.training, [], torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            network.eval()(example)
            for _ in range(repeats):
                started = time.thread_time()
                network(example)
                times.append(time.thread_time() - started)
    finally:
        torch.set_num_threads(threads)
        network.train(training)
    return 1000 * median(times)
