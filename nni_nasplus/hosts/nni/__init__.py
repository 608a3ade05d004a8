"""NNI 3.0 as host: a tuner for ``nnictl``, a strategy for ``NasExperiment``, and the trial's side of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.hosts.nni.nas_experiment import NasExperiment
    from nni_nasplus.hosts.nni.strategy import NasStrategy
    from nni_nasplus.hosts.nni.trial import run_trial
    from nni_nasplus.hosts.nni.tuner import NasTuner

__all__ = ["NasExperiment", "NasStrategy", "NasTuner", "run_trial"]

__getattr__ = lazy(
    __name__,
    {"NasExperiment": "nas_experiment", "NasStrategy": "strategy", "NasTuner": "tuner", "run_trial": "trial"},
)
