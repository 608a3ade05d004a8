"""NNI 3.0 as host: a tuner for ``nnictl``, a strategy for ``NasExperiment``, the trial's side of both, and the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.hosts.nni.host import NniHost
    from nni_nasplus.hosts.nni.nas.experiment import NasExperiment
    from nni_nasplus.hosts.nni.nas.strategy import NasStrategy
    from nni_nasplus.hosts.nni.trial import run_trial
    from nni_nasplus.hosts.nni.tuner import NasTuner

__all__ = ["NasExperiment", "NasStrategy", "NasTuner", "NniHost", "run_trial"]

__getattr__ = lazy(
    __name__,
    {
        "NasExperiment": "nas.experiment",
        "NasStrategy": "nas.strategy",
        "NasTuner": "tuner",
        "NniHost": "host",
        "run_trial": "trial",
    },
)
