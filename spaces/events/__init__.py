"""Event sequences: the search space of SeqNAS (arXiv 2401.03246), masked throughout.

Importing this package does not import torch, for NNI's tuner process does without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.spaces.events.network import EventSequenceNet
    from nni_nasplus.spaces.events.space import EventSequenceSpace
    from nni_nasplus.spaces.events.supernets.encoder import EventSupernet

__all__ = ["EventSequenceNet", "EventSequenceSpace", "EventSupernet"]

__getattr__ = lazy(
    __name__, {"EventSequenceNet": "network", "EventSequenceSpace": "space", "EventSupernet": "supernets.encoder"}
)
