"""Small exported networks of each kind of data, untrained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from safetensors.torch import save

from nni_nasplus.data.events.clock import Clock
from nni_nasplus.data.events.columns import CategoricalColumn, NumericColumn
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.images.encoder import ImageEncoder
from nni_nasplus.data.preprocessing import Preprocessing
from nni_nasplus.data.text.vocabulary import Vocabulary
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.run.model import ARCHITECTURE, VERSION
from nni_nasplus.run.run import described
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.spaces.recurrent import EnasRecurrentSpace
from nni_nasplus.training.trial_folder import WEIGHTS


@dataclass(frozen=True)
class Export:
    """What is in the folder of a network."""

    kind: type[NetworkSpace]
    arguments: Mapping[str, Any]
    genotype: str
    preprocessing: Preprocessing
    data: Any

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Their content by name, without that of the preprocessing."""
        space = self.kind(**self.arguments)
        architecture = space.parse_genotype(self.genotype)
        loader = type(self.preprocessing)
        content = {
            "version": VERSION,
            "genotype": self.genotype,
            "architecture": architecture,
            "preprocessing": f"{loader.__module__}.{loader.__qualname__}",
            "space": described(self.kind, self.arguments),
            "metrics": {"accuracy": 0.5},
        }
        weights = save(space.build(architecture).state_dict())
        return {ARCHITECTURE: json.dumps(content).encode(), WEIGHTS: weights}


ENCODER = EventEncoder(
    "user",
    Clock("day", "number", 0.0, 100.0, 2.0, (0.1, 1.0)),
    (CategoricalColumn("shop", ("a", "b"), "text"),),
    (NumericColumn("amount", 1.0, 2.0, True, "number"),),
    ("no", "yes"),
    4,
)
EXPORTS = {
    "events": Export(
        EventSequenceSpace,
        {**ENCODER.shape.to_json(), "hidden": 2},
        "01|1|agc1|44|00",
        ENCODER,
        pd.DataFrame({"user": [1, 1, 2], "day": [1.0, 2.0, 3.0], "shop": ["a", "b", None], "amount": [1.0, None, 3.0]}),
    ),
    "images": Export(
        NasBench201Space,
        {"channels": 2, "cells": 1, "classes": 2, "in_channels": 1, "size": 4},
        "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|",
        ImageEncoder(("cat", "dog"), 4, False, (0.5,), (0.25,)),
        "images.npz",
    ),
    "text": Export(
        EnasRecurrentSpace,
        {"vocabulary": 4, "hidden": 3, "nodes": 3, "layers": 1},
        "tanh relu1 identity1",
        Vocabulary(("<unk>", "a", "b", "<eos>")),
        "text.txt",
    ),
}
"""By kind of data."""
