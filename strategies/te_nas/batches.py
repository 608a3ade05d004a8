"""The examples that TE-NAS gives its networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from nni_nasplus.data.events.batch import EventBatch
from nni_nasplus.errors import UserError
from nni_nasplus.proxies.examples import count, inputs_of, mapped, one

__all__ = ["PATCH", "chosen", "distinct", "drawn_from", "patches", "recent", "windows"]

PATCH = 3
"""Height and width, or events, of what linear regions are counted of."""


def drawn_from(loader: Iterable[Any], examples: int) -> Any:
    """The first examples of a loader, of images without their labels, as one batch.

    Parameters
    ----------
    loader
        Of images [B, C, H, W], maybe the first of a pair, or of batches of events.

    Raises
    ------
    UserError
        If the loader has none.
    """
    batches: list[Any] = []
    for batch in loader:
        batches.append(_inputs(batch))
        if sum(map(count, batches)) >= examples:
            break
    if not batches:
        raise UserError("the loader has no examples; give one that has")
    whole = batches[0] if len(batches) == 1 else _joined(batches)
    return chosen(whole, torch.arange(min(examples, count(whole))))


def _inputs(batch: Any) -> Any:
    """Images alone; what has other fields as it is."""
    return batch[0] if isinstance(batch, (list, tuple)) and not hasattr(batch, "_fields") else inputs_of(batch)


def _joined(batches: list[Any]) -> Any:
    if isinstance(batches[0], Tensor):
        return torch.cat(batches)
    if isinstance(batches[0], EventBatch):
        length = max(batch.mask.shape[1] for batch in batches)
        batches = [mapped(lambda field: _lengthened(field, length), batch) for batch in batches]
    return type(batches[0])(*(torch.cat(fields) for fields in zip(*batches, strict=True)))


def _lengthened(field: Tensor, length: int) -> Tensor:
    """A field of events [B, L, …] with zeros up to a length; of users [B] as it is."""
    if field.ndim == 1:
        return field
    return pad(field, (0, 0) * (field.ndim - 2) + (0, length - field.shape[1]))


def chosen(batch: Any, rows: Tensor) -> Any:
    """Some examples of a batch; events without the padding that none of them needs."""
    found = mapped(lambda field: field.index_select(0, rows.to(field.device)), batch)
    if not isinstance(found, EventBatch):
        return found
    length = int(found.mask.sum(1).max())
    return mapped(lambda field: field if field.ndim == 1 else field[:, :length], found)


def distinct(batch: Any) -> Tensor:
    """The rows [M] of a batch of M ≤ N that no row before them equals, whatever their labels: equal ones make κ ∞."""
    first: dict[tuple[bytes, ...], int] = {}
    for number in range(count(batch)):
        fields = _contents(one(batch, number))
        first.setdefault(tuple(field.cpu().numpy().tobytes() for field in fields), number)
    return torch.tensor(list(first.values()))


def _contents(example: Any) -> list[Tensor]:
    """What tells an example from others: of events nothing of their padding."""
    if isinstance(example, Tensor):
        return [example]
    if isinstance(example, EventBatch):
        example = chosen(example, torch.tensor([0]))
    return [field for name, field in example._asdict().items() if name not in ("label", "row")]


def recent(events: EventBatch, length: int) -> EventBatch:
    """The most recent events of each user, ``length`` at most."""
    lengths = events.mask.sum(1)
    starts = (lengths - length).clamp(min=0)
    return _cut(events, starts, min(length, int(lengths.max())))


def _cut(events: EventBatch, starts: Tensor, length: int) -> EventBatch:
    """Of each user so many events from a place; before the first of them is no gap."""
    places = starts.unsqueeze(1) + torch.arange(length, device=starts.device)
    rows = torch.arange(len(starts), device=starts.device).unsqueeze(1)
    at = (rows, places.clamp(max=events.mask.shape[1] - 1))
    cut = mapped(lambda field: field if field.ndim == 1 else field[at], events)
    gap = cut.gap.clone()
    gap[:, 0] = 0.0
    mask: Tensor = cut.mask & (places < events.mask.shape[1])
    return cut._replace(gap=gap, mask=mask)


def patches(images: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """Random crops of one random channel of random images; [number, 1, 3, 3].

    Parameters
    ----------
    images
        [N, C, H, W].
    """
    if min(images.shape[-2:]) < PATCH:
        raise UserError(f"the images are {tuple(images.shape[-2:])}; regions are counted of {PATCH}x{PATCH} pixels")
    limits = (*images.shape[:2], images.shape[2] - PATCH + 1, images.shape[3] - PATCH + 1)
    image, channel, y, x = (torch.randint(limit, (number, 1, 1), generator=generator) for limit in limits)
    offset = torch.arange(PATCH)
    at = [one.to(images.device) for one in (image, channel, y + offset[:, None], x + offset)]
    return images[at[0], at[1], at[2], at[3]].unsqueeze(1)


def windows(events: EventBatch, number: int, generator: torch.Generator) -> EventBatch:
    """Three events in a row of random users, and of them one random column, as a number [number, 3, 1].

    The codes of a categorical column are numbers of N(0, 1), drawn once for all windows. Users with fewer events take
    no part; where all have fewer, windows are as long as the longest history.
    """
    lengths = events.mask.sum(1).cpu()
    width = min(PATCH, int(lengths.max()))
    users = torch.nonzero(lengths >= width).flatten()
    users = users[torch.randint(len(users), (number,), generator=generator)]
    starts = (torch.rand(number, generator=generator) * (lengths[users] - width + 1)).long()
    device = events.mask.device
    cut = _cut(mapped(lambda field: field[users.to(device)], events), starts.to(device), width)
    columns = torch.cat([cut.numeric, *_drawn(cut.categorical, generator)], 2)
    if columns.shape[2]:
        column = torch.randint(columns.shape[2], (number, 1, 1), generator=generator).expand(-1, width, 1)
        columns = columns.gather(2, column.to(device))
    else:
        columns = columns.new_zeros(number, width, 1)
    return cut._replace(categorical=cut.categorical[:, :, :0], numeric=columns)


def _drawn(codes: Tensor, generator: torch.Generator) -> list[Tensor]:
    """A number for each code of each column; [B, L, 1] each."""
    columns = codes.unbind(2)
    tables = [torch.randn(int(column.max()) + 1, generator=generator).to(codes.device) for column in columns]
    return [table[column].unsqueeze(2) for table, column in zip(tables, columns, strict=True)]
