"""Directories of searches: what commands read before they train is whole, or a line names what is not."""

from __future__ import annotations

import numpy as np
from fuzzing import Room, fuzzed
from mutations import BYTES, Choices, mutated, mutated_json, written_json

from nni_nasplus import registry
from nni_nasplus.registry import described
from nni_nasplus.run.directory.settings_file import SETTINGS, VERSION
from nni_nasplus.run.run import PRESEARCH, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.spaces.recurrent import EnasRecurrentSpace
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.images import ImageClassification
from nni_nasplus.training.language import LanguageModelling

_CLASS = "nni_nasplus.spaces.images.DartsSpace"
_WORDS = ("class_path", "init_args", "thompson", "population_size", _CLASS, "cells", "rnn")
SPACES = {
    EventSequenceSpace: {"cardinalities": [5, 3], "n_numeric": 1, "n_classes": 2, "periods": [1.0], "cells": ["rnn"]},
    NasBench201Space: {"channels": 2, "cells": 1, "classes": 3, "in_channels": 1, "size": 8},
    EnasRecurrentSpace: {"vocabulary": 11, "hidden": 5, "layers": 1, "regularisation": {"input": 0.1}},
}
EVALUATORS = (EventClassification, ImageClassification, LanguageModelling)
SETTINGS_OF = [
    {
        "version": VERSION,
        **Settings(
            space=described(space, arguments),
            evaluator=described(evaluator, {"cache": "data", "epochs": 2, "distillation": {"weight": 0.5}}),
            strategy_options={"population_size": 5},
            strategy="evolution",
            max_parameters=1e6,
        ).to_json(),
    }
    for (space, arguments), evaluator in zip(SPACES.items(), EVALUATORS, strict=True)
]
SPACE = SearchSpace({"op": ["conv", "pool"], "width": [1, 2, 4]}, {"width": {"op": ["conv"]}})
RANKING = Ranking.of(list(SPACE), np.arange(4.0)).to_json(SPACE)


def text(content: object, choices: Choices) -> bytes:
    """A file of JSON, most of which hold other values, and some other bytes."""
    if choices.below(4):
        return written_json(mutated_json(content, choices, _WORDS)).encode()
    return mutated(written_json(content).encode(), choices, BYTES)


@fuzzed(share=0.2)
def test_settings_are_read_or_refused(room, choices):
    """A fifth of the inputs, for most of the time the spaces are made."""
    (room.path / SETTINGS).write_bytes(text(choices.one_of(SETTINGS_OF), choices))
    with room.input():
        run = Run.open(room.path)
        run.settings.make_strategy()
        registry.load("hosts", run.settings.host)()
        assert run.settings.limits.max_parameters is None or run.settings.limits.max_parameters > 0
        assert run.space.search_space.decisions
        assert run.evaluator.objective


@fuzzed()
def test_a_ranking_is_read_or_refused(room: Room, choices):
    run = Run(room.path, Settings())
    (room.path / PRESEARCH).write_bytes(text(RANKING, choices))
    with room.input():
        ranking = run.ranking(SPACE)
        assert Ranking.from_json(SPACE, ranking.to_json(SPACE)).architectures == ranking.architectures
