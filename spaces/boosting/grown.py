"""The trees of scikit-learn's gradient boosting as arrays; it has no public way to them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

__all__ = ["Boosted", "grown"]

Boosted: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor
_Trees: TypeAlias = Sequence[tuple[TreePredictor | None, Boosted]]
_BITS = 32
"""Of a word of a bit set."""


def grown(models: Sequence[Boosted], iterations: Sequence[int] | None = None) -> dict[str, Any]:
    """The nodes of all trees one after the other, as :class:`~nni_nasplus.spaces.boosting.trees.TreeEnsemble`
    has them.

    Parameters
    ----------
    models
        Of as many scores as it has, or several of one score each, whose trees take turns.
    iterations
        Of each model the number whose trees are taken; None for all.
    """
    counts = iterations or [len(model._predictors) for model in models]
    kept = [model._predictors[:count] for model, count in zip(models, counts, strict=True)]
    steps = zip_longest(*kept, fillvalue=[None])
    trees = [(tree, model) for step in steps for of_model, model in zip(step, models, strict=True) for tree in of_model]
    parts = [_nodes(tree) for tree, _ in trees]
    nodes, starts = np.concatenate(parts), np.cumsum([0, *map(len, parts)])
    leaf, own, root = nodes["is_leaf"] > 0, np.arange(len(nodes)), np.repeat(starts[:-1], np.diff(starts))
    numbers, subsets = _subsets(trees, parts)
    return {
        "feature": _columns(trees, parts),
        "threshold": _rounded_down(nodes["num_threshold"]),
        "missing_left": nodes["missing_go_to_left"],
        "subset": numbers,
        "subsets": subsets,
        "below": np.stack([np.where(leaf, own, root + nodes[side]) for side in ("left", "right")], -1),
        "value": nodes["value"],
        "roots": starts[:-1],
        "depth": nodes["depth"].max(),
        "offset": np.concatenate([model._baseline_prediction.ravel() for model in models]),
    }


def _nodes(tree: TreePredictor | None) -> NDArray[Any]:
    """The nodes of a tree; of none one leaf that adds nothing."""
    if tree is not None:
        return tree.nodes
    leaf = np.zeros(1, dtype=PREDICTOR_RECORD_DTYPE)
    leaf["is_leaf"] = 1
    return leaf


def _columns(trees: _Trees, parts: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    """The column that each node looks at."""
    pairs = zip(trees, parts, strict=True)
    return np.concatenate([_features(model)[nodes["feature_idx"].clip(min=0)] for (_, model), nodes in pairs])


def _features(model: Boosted) -> NDArray[np.int64]:
    """The column of each feature of a model, which puts categories first."""
    if model.is_categorical_ is None:
        return np.arange(model.n_features_in_)
    return np.argsort(~model.is_categorical_, kind="stable")


def _codes(model: Boosted) -> list[NDArray[np.float64]]:
    """Of each category the code of each value that it knows, in its own order."""
    if model.is_categorical_ is None:
        return []
    known = model._preprocessor.named_transformers_["encoder"].categories_
    return [codes[~np.isnan(codes)] for codes in known]


def _subsets(trees: _Trees, parts: Sequence[NDArray[Any]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Of each node the number of its subset, 0 for none; and the subsets [S, codes + 1], the first of them empty."""
    most = max((int(codes.max()) for _, model in trees for codes in _codes(model) if len(codes)), default=-1)
    subsets = [np.zeros(most + 2, dtype=np.bool_)]
    numbers = []
    for (tree, model), nodes in zip(trees, parts, strict=True):
        number = np.zeros(len(nodes), dtype=np.int64)
        for place in np.flatnonzero(nodes["is_categorical"] & ~nodes["is_leaf"].astype(bool)):
            number[place] = len(subsets)
            subsets.append(_subset(tree, nodes[place], _codes(model)[nodes["feature_idx"][place]], most))
        numbers.append(number)
    return np.concatenate(numbers), np.stack(subsets)


def _subset(tree: TreePredictor, node: Any, codes: NDArray[np.float64], most: int) -> NDArray[np.bool_]:
    """The codes that a node sends left; others go where missing ones go."""
    words = tree.raw_left_cat_bitsets[node["bitset_idx"]]
    order = np.arange(len(codes))
    found = np.full(most + 2, bool(node["missing_go_to_left"]))
    found[codes.astype(np.int64)] = (words[order // _BITS] >> (order % _BITS).astype(np.uint32)) & 1
    return found


def _rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above: numbers in float32 are below both or above both."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
