"""Boosted trees of scikit-learn as a torch module, so that they are saved, exported and moved as networks are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nni_nasplus.spaces.boosting.grown import Boosted, grown

__all__ = ["TreeEnsemble"]

_KINDS = {
    "feature": torch.int64,
    "threshold": torch.float32,
    "missing_left": torch.bool,
    "subset": torch.int64,
    "subsets": torch.bool,
    "below": torch.int64,
    "value": torch.float32,
    "roots": torch.int64,
    "depth": torch.int64,
    "offset": torch.float32,
}
_EMPTY: dict[str, tuple[int, ...]] = {"below": (0, 2), "subsets": (1, 1), "depth": ()}


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
    subset: Tensor
    """[N] int64: the subset of codes that a node of categories sends left; 0 for nodes of numbers."""
    subsets: Tensor
    """[S, codes + 1] bool: the codes in each subset, the first of none; in the last place what it does with others."""
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
            self.register_buffer(name, torch.zeros(_EMPTY.get(name, (0,)), dtype=dtype))
        self.offset = torch.zeros(outputs)

    @property
    def iterations(self) -> int:
        """Those whose trees it has: each gives one to every score; of several models the most of any."""
        return len(self.roots) // len(self.offset)

    def learn(self, *models: Boosted, iterations: Sequence[int] | None = None) -> None:
        """Become the trees of a fitted model, or of several of one score each: see :func:`grown`.

        Parameters
        ----------
        models
            Fitted on float32 numbers, of which those taken for categories are codes from 0 on.
        iterations
            Of each model the number of iterations whose trees are taken, at least 1; None for all.
        """
        for name, values in grown(models, iterations).items():
            setattr(self, name, torch.from_numpy(np.array(values)).to(_KINDS[name]))

    def forward(self, x: Tensor) -> Tensor:
        node = self.roots.expand(x.shape[0], -1)
        for _ in range(int(self.depth)):
            number = x.gather(1, self.feature[node])
            left = (number <= self.threshold[node]) | (number.isnan() & self.missing_left[node])
            if len(self.subsets) > 1:
                of_codes = self.subset[node] > 0  # ONNX runtimes have no where of truth values
                left = (of_codes & self._is_in_subset(number, node)) | (~of_codes & left)
            node = torch.where(left, self.below[:, 0][node], self.below[:, 1][node])
        outputs = len(self.offset)
        added = self.value[node].reshape(x.shape[0], len(self.roots) // outputs, outputs)
        return added.sum(1) + self.offset

    def logits(self, x: Tensor) -> Tensor:
        """The scores [B, K]; of two classes, which have one score, that of the first is 0."""
        scores = self(x)
        return torch.cat([torch.zeros_like(scores), scores], -1) if scores.shape[-1] < self.outputs else scores

    def _is_in_subset(self, number: Tensor, node: Tensor) -> Tensor:
        """Whether codes go left; a code that no tree knows is as good as none."""
        unknown = self.subsets.shape[1] - 1
        code = torch.where((number >= 0) & (number < unknown), number, unknown).long()
        return self.subsets.flatten()[self.subset[node] * self.subsets.shape[1] + code]

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
        of_nodes = (self.value, self.feature, self.threshold, self.missing_left, self.subset, self.below)
        shapes = [tuple(x.shape) for x in of_nodes]
        return (
            shapes == [(nodes,)] * 5 + [(nodes, 2)]
            and self.subsets.dim() == 2
            and self.subsets.shape[1] > 0
            and _within(self.subset, len(self.subsets))
            and self.offset.dim() == 1
            and 1 <= len(self.offset) <= self.outputs
            and self.roots.dim() == 1
            and len(self.roots) % len(self.offset) == 0
            and _within(self.roots, nodes)
            and _within(self.below, nodes)
            and _within(self.feature, self.inputs)
            and _within(self.depth, nodes + 1)
        )


def _within(x: Tensor, stop: int) -> bool:
    return bool(((x >= 0) & (x < stop)).all())
