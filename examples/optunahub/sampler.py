"""A sampler by the name of its strategy."""

from __future__ import annotations

from typing import Any

from nni_nasplus import SearchSpace
from nni_nasplus.hosts import optuna as host
from nni_nasplus.hosts.optuna import suggest
from nni_nasplus.search.strategy import make_strategy

__all__ = ["NasSampler", "SearchSpace", "suggest"]


class NasSampler(host.NasSampler):
    """Search ``space`` by an installed strategy: ``thompson``, ``evolution``, ``random``."""

    def __init__(
        self,
        space: SearchSpace,
        strategy: str = "thompson",
        *,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(make_strategy(strategy, options), space, seed=seed)
