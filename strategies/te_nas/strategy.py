"""TE-NAS as a strategy: its options, known without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nni_nasplus.errors import UserError
from nni_nasplus.one_shot.strategy import OneShotStrategy

__all__ = ["TeNas"]

_LEAST = {"repeats": 1, "prune": 1, "kernel_examples": 2, "region_examples": 2}


@dataclass(frozen=True)
class TeNas(OneShotStrategy):
    """Propose what TE-NAS (arXiv 2102.11535) finds without training, then random architectures to compare it with.

    Parameters
    ----------
    repeats, prune, kernel_examples, region_examples, as_released
        Of the search, see :class:`~nni_nasplus.strategies.te_nas.search.TENAS`; 0 is the default there, but for
        ``region_examples``: 1000, as released 3000.

    Raises
    ------
    UserError
        If one of them is out of range.
    """

    method: str = field(default="tenas", init=False)
    repeats: int = 3
    prune: int = 0
    kernel_examples: int = 0
    region_examples: int = 0
    as_released: bool = False

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            number = getattr(self, name)
            if number and number < least:
                raise UserError(f"{name} is {number}; use {least} or more, or 0 for the default")

    def check_space(self, space: Any) -> None:
        """Raise :class:`UserError` if the space has no supernet, or one of language models."""
        import torch

        from nni_nasplus.strategies.te_nas.networks import networks_of

        with torch.device("meta"):
            networks_of(space)

    def settings(self) -> dict[str, Any]:
        """What is not the default."""
        return {name: value for name, value in super().settings().items() if value}
