"""Boosted trees of scikit-learn as a torch module, so that they are saved, exported and moved as networks are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from torch import Tensor, nn

__all__ = ["Boosted", "TreeEnsemble"]

Boosted: TypeAlias = HistGradientBoostingClassifier | HistGradientBoostingRegressor

_KINDS = {
    "feature": torch.int64,
    "threshold": torch.float32,
    "missing_left": torch.bool,
    "below": torch.int64,
    "value": torch.float32,
    "roots": torch.int64,
    "depth": torch.int64,
    "offset": torch.float32,
}


class TreeEnsemble(nn.Module):
    """The sum of T trees: numbers [B, F], of which NaN are missing ones, to raw scores [B, K].

    A new one has no trees and gives zeros; it takes the number of trees, and of scores, of those that it loads. The
    nodes of all trees lie one after the other, and all trees go down by one step at a time: a leaf leads to itself.

    Parameters
    ----------
    inputs
        The number F of numbers.
    outputs
        The most scores K; two classes have one. Tree t adds to score t mod K.
    """

    feature: Tensor
    """[N] int64: the number that a node looks at."""
    threshold: Tensor
    """[N] float32: it goes left with numbers up to this one."""
    missing_left: Tensor
    """[N] bool: whether it goes left with NaN."""
    below: Tensor
    """[N, 2] int64: the nodes on the left and on the right."""
    value: Tensor
    """[N] float32: what a leaf adds."""
    roots: Tensor
    """[T] int64."""
    depth: Tensor
    """int64: the most steps from a root to a leaf."""
    offset: Tensor
    """[K] float32: the scores without trees."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        for name, dtype in _KINDS.items():
            self.register_buffer(name, torch.zeros((0, 2) if name == "below" else 0, dtype=dtype))
        self.depth, self.offset = torch.tensor(0), torch.zeros(outputs)

    @property
    def iterations(self) -> int:
        """Those whose trees it has: each gives one to every score; of several models the most of any."""
        return len(self.roots) // len(self.offset)

    def learn(self, *models: Boosted, iterations: Sequence[int] | None = None) -> None:
        """Become the trees of a fitted model, or of several of one score each; scikit-learn has no public way to them.

        Parameters
        ----------
        models
            Fitted on float32 numbers, none of them taken for categories.
        iterations
            Of each model the number of iterations whose trees are taken, at least 1; None for all.
        """
        counts = iterations or [len(model._predictors) for model in models]
        kept = [model._predictors[:count] for model, count in zip(models, counts, strict=True)]
        steps = zip_longest(*kept, fillvalue=[])
        trees = [_nodes(tree) for step in steps for of_model in step for tree in of_model or [None]]
        nodes, starts = np.concatenate(trees), np.cumsum([0, *map(len, trees)])
        leaf, own, root = nodes["is_leaf"] > 0, np.arange(len(nodes)), np.repeat(starts[:-1], np.diff(starts))
        learnt = {
            "feature": nodes["feature_idx"].clip(min=0),
            "threshold": _rounded_down(nodes["num_threshold"]),
            "missing_left": nodes["missing_go_to_left"],
            "below": np.stack([np.where(leaf, own, root + nodes[side]) for side in ("left", "right")], -1),
            "value": nodes["value"],
            "roots": starts[:-1],
            "depth": nodes["depth"].max(),
            "offset": np.concatenate([model._baseline_prediction.ravel() for model in models]),
        }
        for name, values in learnt.items():
            setattr(self, name, torch.from_numpy(np.array(values)).to(_KINDS[name]))

    def forward(self, x: Tensor) -> Tensor:
        node = self.roots.expand(x.shape[0], -1)
        for _ in range(int(self.depth)):
            number = x.gather(1, self.feature[node])
            left = (number <= self.threshold[node]) | (number.isnan() & self.missing_left[node])
            node = torch.where(left, self.below[:, 0][node], self.below[:, 1][node])
        outputs = len(self.offset)
        added = self.value[node].reshape(x.shape[0], len(self.roots) // outputs, outputs)
        return added.sum(1) + self.offset

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        for name in _KINDS.keys() - {"depth"}:
            if (stored := state_dict.get(prefix + name)) is not None:
                setattr(self, name, torch.zeros(stored.shape, dtype=_KINDS[name], device=self.offset.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if not self._fits_together():
            *_, errors = rest
            errors.append(f"the trees of '{prefix}' do not fit together")

    def _fits_together(self) -> bool:
        """Whether every step leads to a node, and every node looks at a number."""
        nodes = self.value.numel()
        shapes = [tuple(x.shape) for x in (self.value, self.feature, self.threshold, self.missing_left, self.below)]
        return (
            shapes == [(nodes,)] * 4 + [(nodes, 2)]
            and self.offset.dim() == 1
            and 1 <= len(self.offset) <= self.outputs
            and self.roots.dim() == 1
            and len(self.roots) % len(self.offset) == 0
            and _within(self.roots, nodes)
            and _within(self.below, nodes)
            and _within(self.feature, self.inputs)
            and _within(self.depth, nodes + 1)
        )


def _nodes(tree: TreePredictor | None) -> NDArray[Any]:
    """The nodes of a tree; of none one leaf that adds nothing."""
    if tree is not None:
        return tree.nodes
    leaf = np.zeros(1, dtype=PREDICTOR_RECORD_DTYPE)
    leaf["is_leaf"] = 1
    return leaf


def _within(x: Tensor, stop: int) -> bool:
    return bool(((x >= 0) & (x < stop)).all())


def _rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above: numbers in float32 are below both or above both."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
