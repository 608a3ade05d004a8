"""NNI's search-space JSON: a space that can be searched, or a line that says why not."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path

import nni
import numpy as np
from fuzzing import fuzzed
from mutations import mutated, mutated_json, written_json

from nni_nasplus import UserError
from nni_nasplus.hosts.nni.dispatcher.algorithms import require_algorithms
from nni_nasplus.hosts.nni.tuner import NasTuner, plain_search
from nni_nasplus.search.history import SearchSpaceExhausted
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.spaces.recurrent.recipes.space import RecipeSpace

_CLASS = "nni_nasplus.search.table_space.TableSpace"
_WORDS = ("_type", "_value", "_when", "_space", "choice", "uniform", "op", "heads", 2, _CLASS, ".a.B")
PLAIN = SearchSpace(
    {"op": ["conv", "attention"], "heads": [1, 2], "rate": [0.5, 1.0], "bias": [True, False]},
    {"heads": {"op": ["attention"]}, "rate": {"op": ["conv", "attention"], "heads": [2]}},
)
ONE = {"only": {"_type": "choice", "_value": [1]}}
_NAMES = ("name", "className", "codeDirectory", "builtinTunerName", "tuner", "TPE", "GP", "json", "none.Such", ".A")
CONFIG = {
    "searchSpace": PLAIN.to_json(),
    "tuner": {"name": "Random", "classArgs": {"seed": 1}},
    "assessor": {"className": "json.Decoder", "codeDirectory": "."},
    "trainingService": {"platform": "local"},
}
"""What nnictl is given."""
SEEDS = [*[PLAIN.to_json()] * 7, *[ONE] * 4, dict([*RecipeSpace().to_json().items()][:2])]
"""The larger they are, the fewer: the last is made by its class."""


def as_nni_reads(choices):
    """What NNI's dispatcher makes of a file."""
    return json.loads(json.dumps(mutated_json(choices.one_of(SEEDS), choices, _WORDS)))


@fuzzed()
def test_a_space_is_read_or_refused(room, choices):
    content = as_nni_reads(choices)
    with room.input():
        space = SearchSpace.from_json(content)
        assert SearchSpace.from_json(json.loads(json.dumps(space.to_json()))) == space
        architecture = space.sample(np.random.default_rng(0))
        assert space.validate(architecture) == architecture
        assert space.size is None or space.size > 0


@fuzzed(share=0.05)
def test_a_tuner_searches_what_nni_sends_it(room, choices):
    """As rarely, for the same reason; the space may come twice, as when it is edited in the web UI."""
    content, later = as_nni_reads(choices), as_nni_reads(choices)
    with room.input(), contextlib.suppress(nni.NoMoreTrialError), tempfile.TemporaryDirectory(dir=room.path) as folder:
        tuner = NasTuner(folder)
        tuner.update_search_space(content)
        with contextlib.closing(tuner.search.journal):
            with contextlib.suppress(UserError):
                tuner.update_search_space(later)
            tuner.receive_trial_result(0, tuner.generate_parameters(0), 0.5)
            tuner.generate_parameters(1)
            tuner.trial_end(1, success=False)


@fuzzed(share=0.2)
def test_the_algorithms_of_a_config_are_found_or_named(room, choices):
    """A fifth of the inputs, for most of the time YAML is read."""
    text = written_json(mutated_json(CONFIG, choices, _NAMES))
    (room.path / "nnictl.yml").write_text(mutated(text, choices), encoding="utf-8", errors="replace")
    with room.input():
        require_algorithms(room.path / "nnictl.yml")


@fuzzed(share=0.05)
def test_a_space_that_is_read_can_be_searched(room, choices):
    """A twentieth of the inputs, for what is asked is synchronised to the disk."""
    content = as_nni_reads(choices)
    with room.input(), contextlib.suppress(SearchSpaceExhausted), tempfile.TemporaryDirectory(dir=room.path) as folder:
        search = plain_search(Path(folder), SearchSpace.from_json(content))
        with contextlib.closing(search.journal):
            search.tell(search.ask(), 0.5)
            search.ask()
