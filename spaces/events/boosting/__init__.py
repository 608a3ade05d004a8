"""Gradient boosting on aggregates of a history, as networks like any other, though no gradient trains them.

Importing this package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.spaces.events.boosting.network import BoostedEventsNet
    from nni_nasplus.spaces.events.boosting.space import BoostedEvents

__all__ = ["BoostedEvents", "BoostedEventsNet"]

__getattr__ = lazy(__name__, {"BoostedEvents": "space", "BoostedEventsNet": "network"})
