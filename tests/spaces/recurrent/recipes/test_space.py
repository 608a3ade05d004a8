"""The space of recipes: generator, mutation, and every strategy on it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from events_data import data_path
from hypothesis import given, settings
from recipes import SPACE, seeds

from nni_nasplus import Journal, Search, SearchSpace, UserError, registry
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.search.table_space import TableSpace
from nni_nasplus.spaces.recurrent import PRESETS, Recipe
from nni_nasplus.spaces.recurrent.recipes.generator import random_recipe


def size_of_choice(architecture):
    """A landscape with its best at many sums."""
    return float(sum(value == "sum" for value in architecture.values()))


def test_a_search_starts_from_the_cells_that_everybody_uses():
    assert [SPACE.recipe(start).key for start in SPACE.initial] == [
        PRESETS[name].key for name in ("rnn", "gru", "lstm")
    ]


@settings(deadline=None, max_examples=60)
@given(seeds)
def test_samples_follow_the_benchmarks_rules(seed):
    recipe = random_recipe(np.random.default_rng(seed))
    vertices, edges = recipe.size
    assert vertices <= 24
    assert edges < 100
    assert recipe.without_dead_nodes() == recipe
    for name, node in recipe.nodes.items():
        activated = {s for s in node.inputs if s in recipe.nodes and recipe.nodes[s].op.startswith("activation")}
        if node.op == "linear":
            assert set(node.inputs) <= activated | {"x", "h_prev_0", "h_prev_1", "h_prev_2"}
            assert len(node.inputs) == len(set(node.inputs))
        else:
            assert "x" not in node.inputs
        if name.startswith("h_new"):
            assert not any(source.startswith("h_prev") for source in node.inputs)


def test_the_same_seed_gives_the_same_recipes_and_another_gives_others():
    drawn = [[SPACE.sample(rng) for _ in range(5)] for rng in map(np.random.default_rng, (7, 7, 8))]
    assert drawn[0] == drawn[1] != drawn[2]


def test_samples_have_every_number_of_states_and_all_operations():
    rng = np.random.default_rng(0)
    recipes = [random_recipe(rng) for _ in range(200)]
    assert {recipe.n_states for recipe in recipes} == {1, 2, 3}
    ops = Counter(node.op for recipe in recipes for node in recipe.nodes.values())
    assert len(ops) == 7
    assert max(ops, key=ops.__getitem__) == "linear"


@settings(deadline=None, max_examples=40)
@given(seeds)
def test_mutants_and_neighbours_are_other_canonical_architectures(seed):
    rng = np.random.default_rng(seed)
    parent = SPACE.sample(rng)
    for child in [SPACE.mutate(parent, rng), *SPACE.neighbours(parent, rng)]:
        assert SPACE.validate(child) == child != parent
        assert SPACE.key(child) != SPACE.key(parent)


def test_mutation_changes_operations_connections_states_and_size():
    rng, parent = np.random.default_rng(0), SPACE.architecture(PRESETS["gru"])
    children = [SPACE.recipe(SPACE.mutate(parent, rng)) for _ in range(300)]
    gru = PRESETS["gru"]
    assert {recipe.n_states for recipe in children} >= {1, 2}
    assert min(len(recipe.nodes) for recipe in children) < len(gru.nodes) < max(len(r.nodes) for r in children)
    assert any(len(r.nodes) == len(gru.nodes) and ops(r) != ops(gru) for r in children)
    assert any(ops(r) == ops(gru) for r in children)


def ops(recipe):
    return Counter(node.op for node in recipe.nodes.values())


def test_every_published_recipe_and_preset_is_in_the_space():
    with gzip.open(data_path("nas/nbnlp_wikitext2.jsonl.gz"), "rt") as lines:
        recipes = [Recipe.parse(json.loads(line)["recipe"]) for line in lines]
    for recipe in [*recipes, *PRESETS.values()]:
        architecture = SPACE.architecture(recipe)
        assert SPACE.validate(architecture) == architecture
        assert SPACE.recipe(architecture).key == recipe.key
        assert Recipe.parse(recipe.notation).key == recipe.key
    assert len({SPACE.key(SPACE.architecture(recipe)) for recipe in recipes}) == 263


def test_json_brings_the_whole_space_back_to_the_tuner_without_torch():
    code = (
        "import json, sys; from nni_nasplus.search.space import SearchSpace;"
        "space = SearchSpace.from_json(json.load(sys.stdin));"
        "print(type(space).__name__, 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(SPACE.to_json()), capture_output=True, text=True, check=True
    )
    assert done.stdout == "RecipeSpace False\n"
    assert SearchSpace.from_json(json.loads(json.dumps(SPACE.to_json()))) == SPACE
    first = next(iter(SPACE.to_json()))
    with pytest.raises(UserError, match=r"'os.path' is no installed SearchSpace"):
        SearchSpace.from_json({first: {"_type": "choice", "_value": [1], "_space": "os.path"}})


def test_a_table_of_recipes_keeps_their_keys_and_features():
    rng = np.random.default_rng(0)
    rows = list({SPACE.key(a): a for a in (SPACE.sample(rng) for _ in range(20))}.values())
    table = TableSpace(SPACE, rows)
    assert [table.key(row) for row in rows] == [SPACE.key(row) for row in rows]
    assert (table.features(rows) == SPACE.features(rows)).all()
    assert TableSpace.from_json(table.to_json()) == table


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.system] * (name in {"nsga2", "ppo", "reinforce"}))
        for name in registry.available("strategies")
    ],
)
def test_every_strategy_searches_it_reproducibly_without_repeats_and_resumes(name, tmp_path):
    def opened(file):
        journal = Journal.at(tmp_path / file, SPACE, direction="maximize")
        return Search(SPACE, make_strategy(name, {}), seed=1, journal=journal)

    def run(search, count):
        for _ in range(count):
            trial = search.ask()
            assert SPACE.validate(trial.architecture) == trial.architecture
            search.tell(trial, size_of_choice(trial.architecture))
        return [SPACE.key(observation.architecture) for observation in search.history.observations]

    keys = run(opened("whole"), 14)
    assert len(set(keys)) == 14
    half = opened("parts")
    run(half, 7)
    half.journal.close()
    assert run(opened("parts"), 7) == keys


@pytest.mark.parametrize(
    ("notation", "named"),
    [
        ("linear(x,h0) tanh(1) | 1", "form a circle"),
        ("linear(x,h0) tanh(7) | 1", "takes '7', which is not there"),
        ("linear(x,h0) relu(0) | 1", "is no recipe; write it as"),
        ("linear(h0) tanh(0) | 1", "no path leads from x"),
        ("linear(x,h0,h1) tanh(0) | 1", "takes 'h1', which is not there"),
        ("linear(x,h0) tanh(0) | 5", "names node 5 a state, which is not there"),
        ("linear(x,x,h0) tanh(0) | 1", "takes an input twice"),
        ("tanh(x) linear(0,h0) | 1", "takes x by activation_tanh"),
        ("linear(x,h0) sum(0) | 1", "has 1 inputs; elementwise_sum takes 2 to 2"),
        (" ".join(["linear(x,h0)", *(f"tanh({i})" for i in range(23))]) + " | 23", "26 vertices"),
        ("nonsense", "is no recipe"),
    ],
)
def test_wrong_recipes_are_named(notation, named):
    with pytest.raises(UserError) as refused:
        SPACE.architecture(Recipe.parse(notation))
    assert named in str(refused.value)


def test_wrong_decisions_are_named():
    rnn = SPACE.architecture(PRESETS["rnn"])
    for change, named in [
        ({"in0_1": "h2"}, "the states read are"),
        ({"in1_0": "-"}, "cannot be '-'"),
        ({"op0": "relu"}, "decision 'op0' cannot be 'relu'"),
        ({"state0": 5}, "node 5"),
    ]:
        with pytest.raises(UserError, match=named):
            SPACE.validate({**rnn, **change})
    with pytest.raises(UserError, match="cannot count itself"):
        SPACE.sample(np.random.default_rng(0), "architecture")
