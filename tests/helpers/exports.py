"""Small exported networks of each kind of data, untrained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from safetensors.torch import save

from nni_nasplus.data.events.clock import Clock
from nni_nasplus.data.events.columns import CategoricalColumn, NumericColumn
from nni_nasplus.data.events.encoder import EventEncoder
from nni_nasplus.data.images.encoder import ImageEncoder
from nni_nasplus.data.preprocessing import Preprocessing
from nni_nasplus.data.targets import Classes
from nni_nasplus.data.text.vocabulary import Vocabulary
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import described
from nni_nasplus.run.member import Member
from nni_nasplus.run.model import ARCHITECTURE, VERSION, Model
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.spaces.recurrent import EnasRecurrentSpace
from nni_nasplus.training.trial_folder import WEIGHTS


@dataclass(frozen=True)
class Export:
    """What is in the folder of a network."""

    kind: type[NetworkSpace]
    arguments: Mapping[str, Any]
    genotypes: tuple[str, ...]
    preprocessing: Preprocessing
    data: Any

    @cached_property
    def files(self) -> dict[str, bytes]:
        """Their content by name, without that of the preprocessing."""
        space = self.kind(**self.arguments)
        share = 1 / len(self.genotypes)
        members = [
            Member(described(self.kind, self.arguments), space.parse_genotype(genotype), genotype, share)
            for genotype in self.genotypes
        ]
        model = Model(members, self.preprocessing, {"accuracy": 0.5})
        loader = type(self.preprocessing)
        content = {
            "version": VERSION,
            "members": [asdict(member) for member in members],
            "temperature": 1.0,
            "preprocessing": f"{loader.__module__}.{loader.__qualname__}",
            "metrics": model.metrics,
            "origin": asdict(model.origin),
        }
        return {ARCHITECTURE: json.dumps(content).encode(), WEIGHTS: save(model.network.state_dict())}


ENCODER = EventEncoder(
    "user",
    Clock("day", "number", 0.0, 100.0, 2.0, (0.1, 1.0)),
    (CategoricalColumn("shop", ("a", "b"), "text"),),
    (NumericColumn("amount", 1.0, 2.0, True, "number"),),
    Classes("label", ("no", "yes")),
    4,
)
TABLE = pd.DataFrame({"user": [1, 1, 2], "day": [1.0, 2.0, 3.0], "shop": ["a", "b", None], "amount": [1.0, None, 3.0]})
EXPORTS = {
    "events": Export(
        EventSequenceSpace,
        {**ENCODER.shape.to_json(), "hidden": 2},
        ("01|1|agc1|44|00",),
        ENCODER,
        TABLE,
    ),
    "ensemble": Export(
        EventSequenceSpace,
        {**ENCODER.shape.to_json(), "hidden": 2, "poolings": ["mean", "last"]},
        ("01|1|g||00", "01|0|c||03"),
        ENCODER,
        TABLE,
    ),
    "images": Export(
        NasBench201Space,
        {"channels": 2, "cells": 1, "classes": 2, "in_channels": 1, "size": 4},
        ("|nor_conv_1x1~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|",),
        ImageEncoder(("cat", "dog"), 4, False, (0.5,), (0.25,)),
        "images.npz",
    ),
    "text": Export(
        EnasRecurrentSpace,
        {"vocabulary": 4, "hidden": 3, "nodes": 3, "layers": 1},
        ("tanh relu1 identity1",),
        Vocabulary(("<unk>", "a", "b", "<eos>")),
        "text.txt",
    ),
}
"""By kind of data."""
