"""NNI 3.0 as host: a tuner for ``nnictl``, a strategy for ``NasExperiment``, and the trial's side of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nni_nasplus.hosts.nni.strategy import NasStrategy
    from nni_nasplus.hosts.nni.trial import run_trial
    from nni_nasplus.hosts.nni.tuner import NasTuner

__all__ = ["NasStrategy", "NasTuner", "run_trial"]

_HOMES = {"NasStrategy": "strategy", "NasTuner": "tuner", "run_trial": "trial"}


def __getattr__(name: str) -> Any:
    """Import on first use: the tuner's process must not wait for torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
