"""This room turns text files into a vocabulary and memory-mapped numbers of tokens, and these into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.data.text.batches import TextBatch, TextBatches
    from nni_nasplus.data.text.module import TextDataModule
    from nni_nasplus.data.text.preparation import prepare_text
    from nni_nasplus.data.text.vocabulary import Vocabulary

__all__ = ["TextBatch", "TextBatches", "TextDataModule", "Vocabulary", "prepare_text"]

__getattr__ = lazy(
    __name__,
    {
        "TextBatch": "batches",
        "TextBatches": "batches",
        "TextDataModule": "module",
        "Vocabulary": "vocabulary",
        "prepare_text": "preparation",
    },
)
