"""Features of recipes: they tell architectures apart and rank published losses."""

from __future__ import annotations

import gzip
import json

import numpy as np
from events_data import data_path
from recipes import SPACE
from scipy.stats import kendalltau

from nni_nasplus.predictors.gaussian_process import GaussianProcess
from nni_nasplus.spaces.recurrent import PRESETS, Recipe
from nni_nasplus.spaces.recurrent.recipes.features import GROUPS, features


def test_encodings_tell_architectures_apart():
    rng = np.random.default_rng(0)
    architectures = list({SPACE.key(a): a for a in (SPACE.sample(rng) for _ in range(100))}.values())
    features = SPACE.features(architectures)
    assert features.shape == (len(architectures), len(SPACE.feature_groups))
    assert len({tuple(row) for row in features}) == len(architectures)
    assert len({tuple(SPACE.encode(a)) for a in architectures}) == len(architectures)


def test_the_features_of_a_plain_cell():
    found = features(PRESETS["rnn"].canonical)
    told = {group: np.count_nonzero(found[group == GROUPS]) for group in range(9)}
    assert told == {
        0: 1,  # tanh gives the output,
        1: 1,  # takes a linear node,
        2: 2,  # and that takes x and h;
        3: 3,  # x, linear and tanh lie on the way of x,
        4: 3,  # and as much on that of h;
        5: 4,  # four sizes;
        6: 2,  # linear, tanh;
        7: 3,  # two ways into linear, one into tanh;
        8: 2,  # and those two through it
    }


def test_what_reaches_no_output_is_on_no_way():
    recipe = Recipe.parse("linear(x,h1) tanh(0) sigm(h0) | 1 2")
    found = features(recipe.canonical)
    assert not found[GROUPS == 4].any()
    assert found[GROUPS == 3].any()


def test_predictors_rank_the_published_losses():
    found: dict[str, tuple[Recipe, list[float]]] = {}
    with gzip.open(data_path("nas/nbnlp_wikitext2.jsonl.gz"), "rt") as lines:
        for row in map(json.loads, lines):
            recipe, reached = Recipe.parse(row["recipe"]), [loss for loss in row["val"] if loss is not None]
            if reached and np.isfinite(min(reached)):
                found.setdefault(recipe.key, (recipe, []))[1].append(min(reached))
    losses = np.array([np.mean(reached) for _, reached in found.values()])
    recipes = [recipe for recipe, _ in found.values()]
    architectures = [SPACE.architecture(recipe) for recipe in recipes]
    order = np.random.default_rng(0).permutation(len(losses))
    trained, held_back = order[:200], order[200:]
    predictor = GaussianProcess(SPACE, seed=0)
    predictor.fit([architectures[i] for i in trained], -losses[trained])
    mean, _ = predictor.predict([architectures[i] for i in held_back])
    assert kendalltau(mean, -losses[held_back]).statistic > 0.6
