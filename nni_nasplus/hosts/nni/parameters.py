"""What NNI is sent of a trial: its architecture and, where it has a budget, how far it is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nni_nasplus.search.history import Trial

__all__ = ["parameters_of", "parted"]

_BUDGET = "TRIAL_BUDGET"
"""The epochs that a trial is trained to; NNI's own Hyperband calls its budget so."""
_TRIAL = "TRIAL"
"""The number of the architecture's trial in the search: of two trials of NNI that share it, the one of the larger
budget goes on from the other."""


def parameters_of(trial: Trial) -> dict[str, Any]:
    """The parameters of a trial of NNI, which the web UI shows."""
    parameters: dict[str, Any] = trial.architecture
    return parameters if trial.epochs is None else {**parameters, _TRIAL: trial.number, _BUDGET: trial.epochs}


def parted(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
    """The architecture among the parameters of a trial, and the epochs that it is trained to; None for all."""
    architecture = {name: value for name, value in parameters.items() if name not in (_TRIAL, _BUDGET)}
    return architecture, parameters.get(_BUDGET)
