"""The settings of a search with what is known of it once its data are prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nni_nasplus.errors import UserError
from nni_nasplus.registry import described, instantiate
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.epochs.budget import make_budget_rule
from nni_nasplus.search.space import Architecture

if TYPE_CHECKING:
    from nni_nasplus.training.evaluator import Evaluator

__all__ = ["completed"]


def completed(settings: Settings, space: Mapping[str, Any], evaluator: Evaluator) -> Settings:
    """The settings with the space, as :func:`~nni_nasplus.registry.described` gives it, and the evaluator.

    Raises
    ------
    UserError
        If the initial architectures are none of the space, the examples cannot be divided into the folds, or there is a
        budget and trainings cannot be paused.
    """
    if settings.folds != "auto" and settings.folds:
        evaluator.held_out(0, settings.folds)
    if "latency_ms" in settings.costs or (settings.max_latency_ms is not None and settings.latency_table is None):
        timing = {"threads": settings.latency_threads, "runtime": settings.latency_runtime}
        evaluator = replace(evaluator, latency=timing)
    if settings.budget is not None and make_budget_rule(settings.budget, settings.budget_options).annealed:
        evaluator = replace(evaluator, annealed=True)
    complete = replace(
        settings,
        space=dict(space),
        evaluator=described(type(evaluator), evaluator.init_args),
        objective=evaluator.objective,
        direction=evaluator.direction,
        initial=_initial(space, settings.initial),
    )
    if complete.make_budget() is not None:
        _require_resumable(complete, evaluator)
    return complete


def _require_resumable(settings: Settings, evaluator: Evaluator) -> None:
    """Raise :class:`UserError` if trainings cannot be paused and go on."""
    from nni_nasplus.networks.network_space import NetworkSpace

    space = instantiate(settings.space, NetworkSpace)
    if not space.trains_in_epochs:
        raise UserError(
            f"--budget {settings.budget} needs trainings that can be paused, and networks of {type(space).__name__} "
            "are fitted at once; leave it out"
        )
    if evaluator.distillation is not None:
        raise UserError(
            f"--budget {settings.budget} and distillation exclude each other: teachers would change from rung to rung; "
            "leave one out"
        )


def _initial(space: Mapping[str, Any], genotypes: Any) -> list[Architecture] | None:
    if genotypes is None:
        return None
    from nni_nasplus.networks.network_space import NetworkSpace

    built = instantiate(space, NetworkSpace)
    return [built.parse_genotype(text) for text in ([genotypes] if isinstance(genotypes, str) else genotypes)]
