"""Networks that scores take without copying them."""

from __future__ import annotations

from typing import Any

from torch import nn

from nni_nasplus.networks.supernet import Supernet
from nni_nasplus.proxies.networks import scored_copy

__all__ = ["Prepared"]


class Prepared(nn.Module):
    """A copy of a supernet whose masks are the supernet's own, for scores alone: a copy of it is itself.

    Scores copy what they are given, for they change it. Of a supernet that takes as long as the score, and what one
    score changes, precision apart, makes no difference to the next.

    Parameters
    ----------
    double
        Whether in float64; else as it is.
    """

    def __init__(self, supernet: Supernet, *, double: bool) -> None:
        super().__init__()
        copy = scored_copy(supernet, double=double)
        assert isinstance(copy, Supernet)
        copy.masks = supernet.masks
        self.supernet = copy

    def forward(self, batch: Any) -> Any:
        """What the supernet gives."""
        return self.supernet(batch)

    def __deepcopy__(self, memo: dict[int, Any]) -> Prepared:
        return self
