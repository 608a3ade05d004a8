"""Notations of architectures and cells: a text is refused in a line, or read as what can be written and read again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from fuzzing import fuzzed
from mutations import mutated
from toys import Lines

from nni_nasplus import registry
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import published
from nni_nasplus.spaces.recurrent.cells import CELLS, GENOTYPES, cell_of
from nni_nasplus.spaces.recurrent.recipes.presets import PRESETS
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe

_ODD = ("\n", "\ud800", "٣", "0", "1", "9" * 5000, "normal", "range(0, 9)", "(", "[", "{", "a~1~2", "tanh(0)", "relu1")


@dataclass(frozen=True)
class Notation:
    """How a text is read and, if it can be, written; some that are right."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    seeds: Sequence[str]

    @cached_property
    def words(self) -> list[str]:
        """What the notation is made of, and what it is not."""
        return sorted({word for text in self.seeds for word in re.findall(r"\w+|\W", text)}) + list(_ODD)


def genotypes(space: NetworkSpace, *names: str) -> Notation:
    rng = np.random.default_rng(0)
    drawn = [space.genotype(space.search_space.sample(rng)) for _ in range(8)]
    return Notation(space.parse_genotype, space.genotype, [*drawn, *names])


PAPER = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=range(2, 6))"
)
RECIPES = [text for recipe in PRESETS.values() for text in (recipe.notation, json.dumps(recipe.to_json()))]
OF_CELLS = [*CELLS, *GENOTYPES.values(), *RECIPES]
NOTATIONS = {
    **{name: genotypes(registry.load("spaces", name)()) for name in registry.available("spaces")},
    "events with cells": genotypes(EventSequenceSpace(cells=["lstm", "ENAS", PRESETS["rnn"].notation])),
    "a space without its own": genotypes(Lines()),
    "published": Notation(published.named, str, [PAPER, *published.PUBLISHED, *published.PUBLISHED.values()]),
    "cells": Notation(lambda text: cell_of(text, 2, 3), lambda cell: "lstm", OF_CELLS),
    "recipes": Notation(Recipe.parse, lambda recipe: recipe.notation, RECIPES),
}


@pytest.mark.parametrize("name", NOTATIONS)
@fuzzed()
def test_a_text_is_read_or_refused(name, room, choices):
    notation = NOTATIONS[name]
    text = mutated(choices.one_of(notation.seeds), choices, notation.words)
    with room.input():
        found = notation.read(text)
        again = notation.read(notation.write(found))
        assert notation.write(again) == notation.write(found)


@fuzzed(share=0.2)
def test_a_cell_that_a_space_is_given_is_named_or_refused(room, choices):
    """A fifth of the inputs, for the space itself takes most of the time."""
    text = mutated(choices.one_of(OF_CELLS), choices, NOTATIONS["cells"].words)
    with room.input():
        cells = EventSequenceSpace(cells=[text]).cells
        assert EventSequenceSpace(cells=cells).cells == cells
