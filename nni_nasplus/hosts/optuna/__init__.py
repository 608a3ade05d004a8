"""Optuna 4.8 to 5 as host: any strategy as a sampler, and any space for Optuna's own samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nni_nasplus._lazy import lazy

if TYPE_CHECKING:
    from nni_nasplus.hosts.optuna.host import OptunaHost
    from nni_nasplus.hosts.optuna.reporter import OptunaReporter
    from nni_nasplus.hosts.optuna.sampling.sampler import NasSampler
    from nni_nasplus.hosts.optuna.sampling.suggestion import constrain, suggest

__all__ = ["NasSampler", "OptunaHost", "OptunaReporter", "constrain", "suggest"]

__getattr__ = lazy(
    __name__,
    {
        "NasSampler": "sampling.sampler",
        "OptunaHost": "host",
        "OptunaReporter": "reporter",
        "constrain": "sampling.suggestion",
        "suggest": "sampling.suggestion",
    },
)
