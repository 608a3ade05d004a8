"""Recurrent classifiers and the texts that they are given."""

from __future__ import annotations

import torch

from nni_nasplus.spaces.recurrent.cells import cell_of
from nni_nasplus.spaces.recurrent.classifier import RecurrentClassifier, TextExamples
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

V, E, C = 12, 6, 3


def texts_of(lengths: list[int], seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(V, (length,), generator=generator) for length in lengths]


def padded(texts: list[torch.Tensor], extra: int = 0, filler: int = 0) -> TextExamples:
    mask = torch.arange(max(map(len, texts)) + extra).unsqueeze(1) < torch.tensor([len(text) for text in texts])
    tokens = torch.full(mask.shape, filler)
    for column, text in enumerate(texts):
        tokens[: len(text), column] = text
    return TextExamples(tokens, mask, torch.zeros(len(texts), dtype=torch.long), torch.arange(len(texts)))


def classifier(cell: str, layers: int = 2, regularisation: Regularisation | None = None) -> RecurrentClassifier:
    return RecurrentClassifier(V, E, [cell_of(cell, E, E) for _ in range(layers)], C, regularisation)
