"""What a batch is to the proxies: N examples, whatever kind of network takes them.

A batch is images [N, C, H, W], or an :class:`~nni_nasplus.data.images.ImageBatch` of them; an
:class:`~nni_nasplus.data.events.batch.EventBatch`; tokens [T, N] for language models, which give logits [T, N, V] and
states; or :class:`~nni_nasplus.spaces.recurrent.classifier.TextExamples`, whose ``tokens`` are [T, N].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nni_nasplus.data.images.arrays import ImageBatch
from nni_nasplus.errors import UserError

__all__ = [
    "by_example",
    "count",
    "device_of",
    "first",
    "inputs_of",
    "logits",
    "loss",
    "main_output",
    "mapped",
    "one",
    "output_of",
    "require_distinct",
    "require_several",
]


def mapped(function: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """Return the batch with a function of each of its tensors."""
    if isinstance(batch, Tensor):
        return function(batch)
    return type(batch)(*(function(field) for field in batch))


def count(batch: Any) -> int:
    """Return the number N of examples."""
    field = batch if isinstance(batch, Tensor) else batch[0]
    return field.shape[_axis(batch, field)]


def device_of(batch: Any) -> torch.device:
    """Return the device on which the examples lie."""
    field: Tensor = batch if isinstance(batch, Tensor) else batch[0]
    return field.device


def one(batch: Any, number: int) -> Any:
    """Return a batch of one of the examples, counted from 0."""
    return mapped(lambda field: field.narrow(_axis(batch, field), number, 1), batch)


def first(batch: Any, number: int) -> Any:
    """Return a batch of the first so many examples, or of all where there are fewer."""
    return mapped(lambda field: field.narrow(_axis(batch, field), 0, min(number, count(batch))), batch)


def by_example(values: Tensor, batch: Any) -> Tensor | None:
    """Lay out by example what a network computed of a batch.

    Parameters
    ----------
    values
        [N, …]; of texts, values of three dimensions are [T, N, …].
    batch
        What the network was given.

    Returns
    -------
    Tensor or None
        [N, values]; None if the values have no axis of examples.
    """
    axis = 1 if _time_major(batch) and values.ndim == 3 else 0
    if values.ndim <= axis or values.shape[axis] != count(batch):
        return None
    return values.movedim(axis, 0).reshape(count(batch), -1)


def logits(network: nn.Module, batch: Any) -> Tensor:
    """Return all logits of each example [N, K]; of texts, K counts those after each token.

    Raises
    ------
    UserError
        If the network's output is not one of N examples.
    """
    output = output_of(network, batch)
    values = by_example(output, batch)
    if values is None:
        raise UserError(f"the network gives {tuple(output.shape)} for {count(batch)} examples; give logits of each")
    return values


def inputs_of(batch: Any) -> Any:
    """Return what of a batch a network is called with."""
    return batch.images if isinstance(batch, ImageBatch) else batch


def output_of(network: nn.Module, batch: Any) -> Tensor:
    """Return the logits that a network gives, of whatever shape."""
    return main_output(network(inputs_of(batch)))


def main_output(output: Any) -> Tensor:
    """Return logits without what may stand beside them: states of a language model, auxiliary logits."""
    logits: Tensor = output[0] if isinstance(output, tuple) else output
    return logits


def loss(network: nn.Module, batch: Any, generator: torch.Generator) -> Tensor:
    """Return the cross-entropy, a mean over all labels; the label of a token is the next token.

    Parameters
    ----------
    network, batch
        On one device.
    generator
        Draws labels that the batch has not, or marks as unknown by −1, and what comes after a text.

    Returns
    -------
    Tensor
        A scalar with a graph, 0 or more.
    """
    output = output_of(network, batch)
    if isinstance(batch, Tensor) and _time_major(batch):
        known = torch.cat([batch[1:], batch.new_full((1, *batch.shape[1:]), -1)])
    else:
        known = getattr(batch, "label", torch.full((count(batch),), -1, device=output.device))
    drawn = torch.randint(output.shape[-1], known.shape, generator=generator).to(known.device)
    return F.cross_entropy(output.flatten(0, -2), torch.where(known < 0, drawn, known).flatten())


def require_several(batch: Any) -> None:
    """Refuse a batch of one, where a proxy compares examples.

    Raises
    ------
    UserError
        If there is one example.
    """
    if count(batch) < 2:
        raise UserError("the batch has one example, and the proxy compares examples; give two or more")


def require_distinct(batch: Any) -> None:
    """Refuse examples of which a proxy can tell nothing.

    Raises
    ------
    UserError
        If there is one example, or all are equal, as constant images are.
    """
    require_several(batch)
    fields = [batch] if isinstance(batch, Tensor) else [f for name, f in batch._asdict().items() if name not in _NAMES]
    if all(bool((field == field.narrow(_axis(batch, field), 0, 1)).all()) for field in fields):
        raise UserError(f"all {count(batch)} examples of the batch are equal; give examples that differ")


_NAMES = ("label", "row")
"""Fields that networks are not given, so that examples which differ in them alone are equal."""


def _time_major(batch: Any) -> bool:
    return not batch.is_floating_point() if isinstance(batch, Tensor) else hasattr(batch, "tokens")


def _axis(batch: Any, field: Tensor) -> int:
    """Return the axis of examples of a field of a batch."""
    return 1 if _time_major(batch) and field.ndim > 1 else 0
