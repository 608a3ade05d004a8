"""What a predictor learns of recipes from: how the output is made, the paths of the graph, and the cell's response."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import networkx as nx
import numpy as np

from nni_nasplus.spaces.recurrent.recipes.notation import OPERATIONS, SHORT
from nni_nasplus.spaces.recurrent.recipes.recipe import Recipe
from nni_nasplus.spaces.recurrent.recipes.response import LENGTH, response

__all__ = ["GROUPS", "features"]

_KINDS = ("x", "h", *OPERATIONS)
_OUTPUT = "h_new_0"
_SIZES = ("states", "nodes", "longest path", "linear nodes of x")
Path = tuple[str, ...]


def features(recipe: Recipe) -> np.ndarray:
    """Return what a predictor learns of a recipe in canonical form; float64 [features].

    The operation of the output, what it takes and what these take; the operations on a shortest path to the output from
    ``x``, and from ``h0``; logarithms of sizes. Then logarithms of how often each operation, each pair and each triple
    of operations along a path occurs. Each of these groups is scaled to vary alike among random recipes. Last, each a
    group that varies twice as much, how an untrained cell answers to its input, as
    :func:`~nni_nasplus.spaces.recurrent.recipes.response.response` measures it.
    """
    kinds = {name: _kind(recipe, name) for name in recipe.graph}
    taken = recipe.nodes[_OUTPUT].inputs
    before = [source for name in taken if name in recipe.nodes for source in recipe.nodes[name].inputs]
    near = [_counted(kinds[name] for name in names) for names in ([_OUTPUT], taken, before)]
    routes = [_counted(kinds[name] for name in _route(recipe, source)) for source in ("x", "h_prev_0")]
    paths = np.zeros(len(_PATHS))
    for path, count in _paths(recipe, kinds).items():
        paths[_PATHS[path]] = count
    made = np.concatenate([*near, *routes, _sizes(recipe), np.log1p(paths)]) * _SCALES
    return np.concatenate([made, _standardised(response(recipe))])


def _standardised(response: np.ndarray) -> np.ndarray:
    return ((response - _CENTRES) / _SPREADS).clip(-_FARTHEST, _FARTHEST)


def _kind(recipe: Recipe, name: str) -> str:
    return SHORT[recipe.nodes[name].op] if name in recipe.nodes else name[0]


def _counted(kinds: Iterable[str]) -> np.ndarray:
    found = Counter(kinds)
    return np.array([float(found[kind]) for kind in _KINDS])


def _route(recipe: Recipe, source: str) -> list[str]:
    """The nodes of a shortest path from a source to the output; none where there is no path."""
    if not nx.has_path(recipe.graph, source, _OUTPUT):
        return []
    return nx.shortest_path(recipe.graph, source, _OUTPUT)


def _sizes(recipe: Recipe) -> np.ndarray:
    of_x = sum(node.op == "linear" and "x" in node.inputs for node in recipe.nodes.values())
    return np.log1p([recipe.n_states, len(recipe.nodes), nx.dag_longest_path_length(recipe.graph), of_x])


def _paths(recipe: Recipe, kinds: dict[str, str]) -> Counter[Path]:
    """How often each path of one to three operations occurs."""
    found: Counter[Path] = Counter()
    for name, node in recipe.nodes.items():
        found[(kinds[name],)] += 1
        for source in node.inputs:
            found[kinds[source], kinds[name]] += 1
            for first in recipe.nodes[source].inputs if source in recipe.nodes else ():
                found[kinds[first], kinds[source], kinds[name]] += 1
    return found


def _possible() -> list[Path]:
    """All paths, the shorter first; only linear takes ``x``."""
    ops = list(OPERATIONS)
    pairs = [(one, two) for one in _KINDS for two in ops if one != "x" or two == "linear"]
    return [*((op,) for op in ops), *pairs, *((*pair, op) for pair in pairs for op in ops)]


_PATHS = {path: column for column, path in enumerate(_possible())}
_LENGTHS = [len(path) for path in _PATHS]
_COLUMNS = (*[len(_KINDS)] * 5, len(_SIZES), *map(_LENGTHS.count, (1, 2, 3)))
_MADE = np.repeat(np.arange(len(_COLUMNS)), _COLUMNS)
GROUPS = np.concatenate([_MADE, len(_COLUMNS) + np.arange(LENGTH)])
"""The group of each feature; int [features]."""
_VARIANCES = (0.84, 1.1, 2.3, 1.6, 1.9, 0.48, 1.1, 2.5, 4.0)
"""The sums of the variances of each group's columns among random recipes."""
_SCALES = np.sqrt(0.5 / np.array(_VARIANCES))[_MADE]
_CENTRES = np.array([-0.71, 0.12, 0.51, 4.7, -0.59, -1.4, -1.4])
_SPREADS = np.array([1.9, 1.8, 1.7, 3.3, 1.5, 1.6, 1.9])
"""The medians and standard deviations of the responses of random recipes."""
_FARTHEST = 2.5
"""Responses are cut off at so many standard deviations: of a cell that explodes it does not matter how far."""
