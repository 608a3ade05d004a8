"""The settings of a search with what is known of it once its data are prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nni_nasplus.run.run import described, instantiate
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.space import Architecture

if TYPE_CHECKING:
    from nni_nasplus.training.evaluator import Evaluator

__all__ = ["completed"]


def completed(settings: Settings, space: Mapping[str, Any], evaluator: Evaluator) -> Settings:
    """The settings with the space, as :func:`~nni_nasplus.run.run.described` gives it, and the evaluator.

    Raises
    ------
    UserError
        If the initial architectures are none of the space, or the examples cannot be divided into the folds.
    """
    if settings.folds != "auto" and settings.folds:
        evaluator.held_out(0, settings.folds)
    if "latency_ms" in settings.costs:
        evaluator = replace(evaluator, latency=True)
    return replace(
        settings,
        space=dict(space),
        evaluator=described(type(evaluator), evaluator.init_args),
        objective=evaluator.objective,
        direction=evaluator.direction,
        initial=_initial(space, settings.initial),
    )


def _initial(space: Mapping[str, Any], genotypes: Any) -> list[Architecture] | None:
    if genotypes is None:
        return None
    from nni_nasplus.networks.network_space import NetworkSpace

    built = instantiate(space, NetworkSpace)
    return [built.parse_genotype(text) for text in ([genotypes] if isinstance(genotypes, str) else genotypes)]
