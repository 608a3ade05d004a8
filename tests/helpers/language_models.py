"""A small language model, and what evaluates it."""

from __future__ import annotations

import torch
from torch import nn

from nni_nasplus.spaces.recurrent import PRESETS, RecurrentCell, RecurrentLanguageModel
from nni_nasplus.spaces.recurrent.regularisation import Regularisation

STRONG = Regularisation(embedding=0.3, input=0.5, hidden=0.5, output=0.5, weight=0.5)
LIGHT = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu", "num_sanity_val_steps": 0}


class Memoryless(nn.Module):
    """A layer that sees one token at a time."""

    def forward(self, x, states=None):
        return x, ()


def model(vocabulary=20, width=6, regularisation=None, layers=2, recipe="lstm"):
    torch.manual_seed(0)
    drop = 0.0 if regularisation is None else regularisation.weight
    cells = [RecurrentCell(PRESETS[recipe], width, width, drop) for _ in range(layers)]
    return RecurrentLanguageModel(vocabulary, width, cells, regularisation)
