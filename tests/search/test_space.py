"""The search space: counting, sampling, canonical form, neighbours, encoding, NNI."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nni_nasplus import SearchSpace, UserError


@st.composite
def spaces(draw):
    """Small random conditional spaces."""
    decisions: dict[str, list[int]] = {}
    conditions: dict[str, dict[str, list[int]]] = {}
    for i in range(draw(st.integers(1, 5))):
        name = f"d{i}"
        parents = draw(st.sets(st.sampled_from(sorted(decisions)), max_size=2)) if decisions else set()
        conditions[name] = {
            p: draw(st.lists(st.sampled_from(decisions[p]), min_size=1, unique=True)) for p in sorted(parents)
        }
        decisions[name] = list(range(draw(st.integers(1, 3))))
    return SearchSpace(decisions, conditions)


@given(spaces())
def test_size_is_the_number_of_enumerated_architectures_and_keys_are_distinct(space):
    architectures = list(space)
    assert space.size == len(architectures)
    assert len({space.key(a) for a in architectures}) == len(architectures)


@given(spaces(), st.integers(0, 2**32))
def test_samples_mutants_and_neighbours_are_canonical(space, seed):
    rng = np.random.default_rng(seed)
    known = [space.key(a) for a in space]
    for uniform in ("decision", "architecture"):
        architecture = space.sample(rng, uniform)
        assert space.validate(architecture) == architecture
        assert space.key(architecture) in known
        neighbours = list(space.neighbours(architecture, rng))
        assert len(neighbours) == sum(len(space.decisions[name]) - 1 for name in architecture)
        for neighbour in neighbours:
            assert space.validate(neighbour) == neighbour
            shared = [n for n in architecture if n in neighbour]
            assert sum(architecture[n] != neighbour[n] for n in shared) == 1


@given(spaces(), st.integers(0, 2**32))
def test_one_hot_code_tells_architectures_apart(space, seed):
    codes = {tuple(space.encode(a)) for a in space}
    assert len(codes) == space.size
    architecture = space.sample(np.random.default_rng(seed))
    assert space.encode(architecture).sum() == len(architecture)
    assert len(space.encode(architecture)) == space.width


@given(spaces())
def test_json_round_trip(space):
    again = SearchSpace.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert list(again) == list(space)


def test_sampling_uniform_over_architectures_is_uniform_and_over_decisions_is_not():
    space = SearchSpace({"op": ["conv", "attention"], "heads": list(range(9))}, {"heads": {"op": ["attention"]}})
    rng = np.random.default_rng(0)
    by_architecture = Counter(space.key(space.sample(rng, "architecture")) for _ in range(20_000))
    assert len(by_architecture) == 10
    assert max(abs(n - 2000) for n in by_architecture.values()) < 5 * np.sqrt(2000)
    conv = space.key({"op": "conv"})
    by_decision = Counter(space.key(space.sample(rng)) for _ in range(20_000))
    assert abs(by_decision[conv] - 10_000) < 5 * np.sqrt(5000)


def test_equal_seeds_give_equal_samples():
    space = SearchSpace({f"d{i}": [0, 1, 2] for i in range(10)})
    first = [space.sample(np.random.default_rng(3)) for _ in range(2)]
    assert first[0] == first[1]


def test_key_is_stable_across_processes_and_representations():
    space = SearchSpace({"a": [1, 2], "b": ["x"]})
    code = (
        "from nni_nasplus import SearchSpace; print(SearchSpace({'a': [1, 2], 'b': ['x']}).key({'b': 'x', 'a': 1.0}))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == space.key({"a": 1, "b": "x"})


def test_inactive_decisions_are_dropped():
    space = SearchSpace({"op": ["conv", "attention"], "heads": [1, 2]}, {"heads": {"op": ["attention"]}})
    assert space.validate({"heads": 2, "op": "conv"}) == {"op": "conv"}
    assert space.key({"op": "conv", "heads": 1}) == space.key({"op": "conv"})


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"op": "pool"}, "decision 'op' cannot be 'pool'; allowed: conv, attention"),
        ({"op": ["conv"]}, "decision 'op' cannot be"),
        ({"op": "attention"}, "decision 'heads' is missing; allowed: 1, 2"),
        ({"op": "conv", "width": 3}, "unknown decision 'width'; decisions: op, heads"),
        (["op"], "is no architecture"),
        (7, "7 is no architecture"),
    ],
)
def test_validation_names_the_decision_and_the_choices(architecture, message):
    space = SearchSpace({"op": ["conv", "attention"], "heads": [1, 2]}, {"heads": {"op": ["attention"]}})
    with pytest.raises(UserError, match=message.replace("'", ".")):
        space.validate(architecture)


@pytest.mark.parametrize(
    ("decisions", "conditions", "message"),
    [
        ({"a": []}, {}, "no choices"),
        ({"a": [1, 1]}, {}, "repeats"),
        ({"a": [None]}, {}, "not a str"),
        ({"a": [0.5, float("nan")]}, {}, "'a' has a choice that is NaN or infinite"),
        ({"a": [1]}, {"b": {"a": [1]}}, "unknown decision 'b'"),
        ({"a": [1], "b": [1]}, {"a": {"b": [1]}}, "no earlier decision"),
        ({"a": [1], "b": [1]}, {"b": {"a": [2]}}, "a=2"),
    ],
)
def test_a_wrong_space_is_named(decisions, conditions, message):
    with pytest.raises(UserError, match=message):
        SearchSpace(decisions, conditions)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "is no search space"),
        ({"a": [1]}, "is no search space"),
        ({"a": {"_type": "choice", "_value": "ab"}}, "parameter 'a' is no choice"),
        ({"a": {"_type": "choice", "_value": [1], "_when": {"b": 1}}}, "_when of parameter 'a'"),
        ({"a": {"_space": 7}}, "'7' is no installed SearchSpace"),
        ({"a": {"_space": "nni_nasplus.__main__.Space"}}, "is no installed SearchSpace"),
        ({"a": {"_space": "a." * 3000 + "Space"}}, "is no installed SearchSpace"),
        ({"a": {"_space": "nni_nasplus.search.space.SearchSpace"}}, "cannot be made without arguments"),
    ],
)
def test_wrong_json_is_named(content, message):
    with pytest.raises(UserError, match=message):
        SearchSpace.from_json(content)


def test_a_space_too_entangled_to_count_still_samples():
    parents = {f"p{i}": [0, 1] for i in range(16)}
    space = SearchSpace({**parents, "last": [0, 1]}, {"last": {p: [1] for p in parents}})
    assert space.size is None
    assert space.validate(space.sample(np.random.default_rng(0)))
    with pytest.raises(UserError, match="cannot count"):
        space.sample(np.random.default_rng(0), "architecture")


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_uncounted_and_counted_mutation_agree(seed):
    space = SearchSpace({f"d{i}": [0, 1, 2] for i in range(6)})
    rng = np.random.default_rng(seed)
    parent = space.sample(rng)
    child = space.mutate(parent, rng)
    assert sum(parent[n] != child[n] for n in parent) == 1


def test_reading_an_nni_model_space():
    import nni
    from nni.nas.nn.pytorch import LayerChoice, ModelSpace
    from torch import nn

    class Space(ModelSpace):
        def __init__(self):
            super().__init__()
            self.op = LayerChoice([nn.Linear(2, 2), nn.Identity()], label="op")
            self.add_mutable(nni.choice("width", [4, 8]))

    space = SearchSpace.from_nni(Space())
    assert dict(sorted(space.decisions.items())) == {"op": (0, 1), "width": (4, 8)}
    assert space.size == 4


def test_reading_an_nni_model_space_with_a_continuous_mutable_is_refused():
    import nni
    from nni.nas.nn.pytorch import ModelSpace

    class Space(ModelSpace):
        def __init__(self):
            super().__init__()
            self.add_mutable(nni.uniform("rate", 0, 1))

    with pytest.raises(UserError, match="'rate' is a Numerical"):
        SearchSpace.from_nni(Space())
