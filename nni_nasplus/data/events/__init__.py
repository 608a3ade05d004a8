"""This room turns tables of users' events into a memory-mapped cache, and the cache into batches of sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.data.events.batch import EventBatch, EventShape
    from nni_nasplus.data.events.encoder import EventEncoder
    from nni_nasplus.data.events.module import EventDataModule
    from nni_nasplus.data.events.preparation import prepare
    from nni_nasplus.data.events.ready import complete_journey, japanese_vowels

__all__ = [
    "EventBatch",
    "EventDataModule",
    "EventEncoder",
    "EventShape",
    "complete_journey",
    "japanese_vowels",
    "prepare",
]

__getattr__ = lazy(
    __name__,
    {
        "EventBatch": "batch",
        "EventDataModule": "module",
        "EventEncoder": "encoder",
        "EventShape": "batch",
        "complete_journey": "ready",
        "japanese_vowels": "ready",
        "prepare": "preparation",
    },
)
