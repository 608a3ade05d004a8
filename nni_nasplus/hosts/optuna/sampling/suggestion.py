"""An architecture as parameters of an Optuna trial."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna.distributions import CategoricalDistribution
from optuna.trial import BaseTrial, FrozenTrial, Trial

from nni_nasplus.errors import UserError
from nni_nasplus.search.space import Architecture, SearchSpace

if TYPE_CHECKING:
    from nni_nasplus.networks.limits import Limits
    from nni_nasplus.networks.network_space import NetworkSpace

__all__ = [
    "ARCHITECTURE",
    "EPOCHS",
    "ORIGIN",
    "architecture_of",
    "constrain",
    "distributions",
    "epochs_of",
    "is_half_read",
    "suggest",
]

ARCHITECTURE = "nasplus:architecture"
"""The system attribute of a trial that holds what was proposed for it."""
ORIGIN = "nasplus:origin"
"""That which says how it came to be: ``random``, or a word of the strategy's own."""
EPOCHS = "nasplus:epochs"
"""That which says how many epochs it is trained to; without it, to the end."""


def suggest(trial: BaseTrial, space: SearchSpace) -> Architecture:
    """Let the study's sampler choose an architecture: any of Optuna's own, or a :class:`NasSampler`.

    Only active decisions become parameters of the trial.

    Examples
    --------
    >>> study = optuna.create_study(sampler=optuna.samplers.TPESampler(), direction="maximize")
    >>> study.optimize(lambda trial: train(suggest(trial, space)), n_trials=20)
    """
    architecture: Architecture = {}
    for name, choices in space.decisions.items():
        if space.is_active(name, architecture):
            architecture[name] = trial.suggest_categorical(name, choices)  # type: ignore[assignment]
    return architecture


def constrain(trial: Trial, space: NetworkSpace, architecture: Mapping[str, Any], limits: Limits) -> None:
    """Tell the study's sampler how far an architecture exceeds each limit; it is at most 0 where it keeps to one.

    A constraint has the limit's name, as in ``max_parameters``. Optuna's samplers take heed of it from Optuna 5 on;
    earlier ones do not have it, and nothing is done.
    """
    if hasattr(trial, "set_constraint"):
        for name, value in limits.measured(space, architecture):
            trial.set_constraint(name, value - getattr(limits, name))


def epochs_of(trial: Trial) -> int | None:
    """How many epochs a trial is to be trained to, once :func:`suggest` has been asked; None for all."""
    epochs: int | None = trial.study._storage.get_trial(trial._trial_id).system_attrs.get(EPOCHS)
    return epochs


def distributions(space: SearchSpace) -> dict[str, CategoricalDistribution]:
    """Every decision of a space."""
    return {name: CategoricalDistribution(choices) for name, choices in space.decisions.items()}


def architecture_of(trial: FrozenTrial, space: SearchSpace) -> Architecture | None:
    """What a trial trains, by its parameters, or by what is fixed or was proposed for it; None while that is open."""
    attributes = trial.system_attrs
    for known in (trial.params, attributes.get("fixed_params"), attributes.get(ARCHITECTURE)):
        if known:
            with contextlib.suppress(UserError):
                return space.validate({name: value for name, value in known.items() if name in space.decisions})
    return None


def is_half_read(trial: FrozenTrial) -> bool:
    """Whether a trial was read while its proposal was being written, so that its epochs and origin may be missing.

    A storage reads parameters and attributes one after the other, and what was written in between is in one of them
    alone: the attributes come first as they are written, so that parameters without them are new. What a person has
    enqueued has its own from the beginning.
    """
    own = (ARCHITECTURE, "fixed_params")
    return not trial.state.is_finished() and not any(trial.system_attrs.get(name) for name in own)
