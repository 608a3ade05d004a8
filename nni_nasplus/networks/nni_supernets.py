"""Our supernets in the one-shot strategies of NNI: ``DARTS``, ``GumbelDARTS`` and ``RandomOneShot``.

NNI makes a supernet by replacing choices of layers and of inputs one by one, and asks a space that has none of them for
``extra_oneshot_hooks``. Ours replaces the network as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from nni.nas.oneshot.pytorch.supermodule.base import BaseSuperNetModule
from nni.nas.strategy import ENAS, Proxyless, Strategy
from torch import Tensor, nn

from nni_nasplus.errors import UserError
from nni_nasplus.networks.supernet import Mixture, Supernet, supernet_of
from nni_nasplus.search.space import Architecture, SearchSpace

__all__ = ["one_shot_hooks"]

_SPREAD = 1e-3
"""Of the first α, as in DARTS' code: all operations weigh the same."""
Hook = Callable[[nn.Module, str, dict[str, Any], dict[str, Any]], "BaseSuperNetModule | bool"]


class _Space(Protocol):
    @property
    def search_space(self) -> SearchSpace: ...
    def supernet(self) -> Supernet: ...


def one_shot_hooks(space: _Space, strategy: Strategy) -> list[Hook]:
    """The hook that puts the space's supernet in the place of its module ``net``.

    Raises
    ------
    UserError
        If the strategy needs choices of single layers.
    """
    if isinstance(strategy, (Proxyless, ENAS)):
        raise UserError(f"NNI's {type(strategy).__name__} needs layer choices; use DARTS, GumbelDARTS or RandomOneShot")

    def hook(
        module: nn.Module, name: str, memo: dict[str, Any], arguments: dict[str, Any]
    ) -> BaseSuperNetModule | bool:
        if name != "net":
            return True
        supernet = supernet_of(space)
        if "softmax" not in arguments:
            return _Sampled(supernet, space.search_space)
        if supernet.routes is not None:
            raise UserError(f"{type(space).__name__} needs weights of connections, which NNI's has not; use densenas")
        return _Mixed(supernet, arguments["softmax"])

    return [hook]


class _Mixed(BaseSuperNetModule):
    """All operations, weighed by a softmax of NNI's of the α here: what the differentiable strategies train."""

    def __init__(self, supernet: Supernet, softmax: nn.Module) -> None:
        super().__init__()
        self.supernet = supernet
        self.softmax = softmax
        self.alphas = nn.ParameterDict({cell: _SPREAD * torch.randn(mask.shape) for cell, mask in self.masks.items()})

    @property
    def masks(self) -> dict[str, Tensor]:
        """As they are at first: NNI's strategies do not prune."""
        return self.supernet.masks

    def forward(self, *inputs: Any) -> Tensor:
        weights = {cell: self.softmax(alpha) for cell, alpha in self.alphas.items()}
        return self.supernet(*inputs, Mixture(weights, self.masks))

    def arch_parameters(self) -> list[nn.Parameter]:
        """What NNI's optimiser of the architecture trains."""
        return list(self.alphas.values())

    def resample(self, memo: dict[str, Any]) -> dict[str, Any]:
        return {}

    def export(self, memo: dict[str, Any]) -> Architecture:
        return self.supernet.derive(self._probabilities())

    def export_probs(self, memo: dict[str, Any]) -> dict[str, dict[str, float]]:
        rows = {cell: iter(p.tolist()) for cell, p in self._probabilities().items()}
        return {
            f"{edge.cell}_{edge.source}_{edge.target}": dict(
                zip(self.supernet.operations, next(rows[edge.cell]), strict=True)
            )
            for edge in self.supernet.edges
        }

    def _probabilities(self) -> dict[str, Tensor]:
        return {cell: alpha.softmax(-1) for cell, alpha in self.alphas.items()}


class _Sampled(BaseSuperNetModule):
    """One random architecture at a time; torch's global generator draws it."""

    def __init__(self, supernet: Supernet, space: SearchSpace) -> None:
        super().__init__()
        self.supernet = supernet
        self.space = space
        self.architecture: Architecture = self._draw()

    def _draw(self) -> Architecture:
        return self.space.sample(np.random.default_rng(int(torch.randint(2**31, ()))))

    def forward(self, *inputs: Any) -> Tensor:
        with self.supernet.only(self.architecture):
            return self.supernet(*inputs)

    def resample(self, memo: dict[str, Any]) -> Architecture:
        self.architecture = self._draw()
        return self.architecture

    def export(self, memo: dict[str, Any]) -> Architecture:
        return self._draw()
