"""Which units of a network are on: the signs of what goes into its activation functions.

By them NASWOT (Mellor et al., arXiv 2006.04647) and TE-NAS (Chen et al., arXiv 2102.11535) tell examples apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nni_nasplus.errors import UserError
from nni_nasplus.proxies.examples import by_example, output_of
from nni_nasplus.proxies.networks import matched, scored_copy

__all__ = ["patterns"]

_CORNERED = {"leaky_relu", "prelu", "relu", "relu6"}
"""Functions with a corner at 0: the signs name the linear region exactly."""
_SMOOTH = {"celu", "elu", "gelu", "hardswish", "mish", "selu", "sigmoid", "silu", "softplus", "tanh"}
"""Functions that bend near 0: without them networks of events and recurrent cells would have no pattern."""


class _Recorder(TorchFunctionMode):
    """Notes the signs that each activation function is given, as module, function or method alike.

    What runs inside one of torch's recurrent layers is not seen.
    """

    def __init__(self, batch: Any) -> None:
        super().__init__()
        self._batch = batch
        self.signs: list[Tensor] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "").rstrip("_") in _CORNERED | _SMOOTH:
            values = by_example(args[0] if args else kwargs["input"], self._batch)
            if values is not None:
                self.signs.append(values > 0)
        return func(*args, **kwargs)


def patterns(network: nn.Module, batch: Any, *, strict: bool = False) -> list[Tensor]:
    """Return, for each activation that runs, which of its units are on.

    The input of a unit that is on is greater than 0. For ReLUs the pattern of an example names its linear region; for
    functions that bend at 0 without a corner, Mish in event networks and tanh and sigmoid in recurrent cells, the
    region of equal signs stands for it. At padding there are units too: give examples of one length.

    Parameters
    ----------
    network
        Left as it is.
    batch
        See :mod:`~nni_nasplus.proxies.examples`.
    strict
        Whether a network in which no activation runs is an error.

    Returns
    -------
    list[Tensor]
        In order of running, bool [N, units] each; empty where no activation runs.

    Raises
    ------
    UserError
        If ``strict`` and no activation runs.
    """
    copy, recorder = scored_copy(network, double=False), _Recorder(batch)
    with torch.no_grad(), recorder:
        output_of(copy, matched(batch, copy))
    if strict and not recorder.signs:
        raise UserError("no ReLU in the model, nor another activation; leave out the proxies that count their signs")
    return recorder.signs
