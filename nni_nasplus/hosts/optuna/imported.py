"""The trials of any finished search as an Optuna study, for optuna-dashboard and Optuna's pictures."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from nni_nasplus._files import new_file
from nni_nasplus.errors import UserError
from nni_nasplus.hosts.optuna.sampling.outcomes import REASON
from nni_nasplus.hosts.optuna.study import open_storage
from nni_nasplus.run.run import Run
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.search.trial import Trial

__all__ = ["as_study", "draw_study"]


def as_study(run: Run, url: str | None = None) -> optuna.Study:
    """A study of what a run has trained, whichever host ran it, in a storage or by default in memory.

    Raises
    ------
    UserError
        If the storage cannot be reached or has a study of this name.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = open_storage(url) if url else None
    name, history = run.directory.name, run.history()
    try:
        study = optuna.create_study(storage=storage, study_name=name, direction=history.direction)
    except optuna.exceptions.DuplicatedStudyError:
        raise UserError(f"{url} has a study '{name}' already; name another storage") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names([run.settings.objective])
    study.add_trials([_frozen(run, trial) for trial in history.finished])
    return study


def _frozen(run: Run, trial: Trial) -> FrozenTrial:
    space: SearchSpace = run.space.search_space
    attributes = {**trial.metrics, "genotype": run.space.genotype(trial.architecture), "origin": trial.origin}
    if trial.reason:
        attributes[REASON] = trial.reason
    return create_trial(
        state=TrialState.FAIL if trial.score is None else TrialState.COMPLETE,
        value=trial.score,
        params=trial.architecture,
        distributions={name: CategoricalDistribution(space.decisions[name]) for name in trial.architecture},
        user_attrs=attributes,
    )


def draw_study(study: optuna.Study, folder: Path) -> list[Path]:
    """Optuna's pictures as pages that need no network: best so far, parallel coordinates, importances, Pareto front.

    Raises
    ------
    UserError
        If plotly is not installed, or fewer than two trials are done.
    """
    if not optuna.visualization.is_available():
        raise UserError('pictures need plotly; pip install "nni-nasplus[plots]"')
    done = [trial for trial in study.get_trials(deepcopy=False) if trial.state == TrialState.COMPLETE]
    if len(done) < 2:
        raise UserError("pictures need two trials that are done")
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few trials make few importances, which the pictures show themselves
        figures = _figures(study, done)
    for name, figure in figures:
        made.append(folder / f"{name}.html")
        with new_file(made[-1]) as partial:
            figure.write_html(partial, include_plotlyjs="directory")
    return made


def _figures(study: optuna.Study, done: list[FrozenTrial]) -> list[tuple[str, Any]]:
    pictures = optuna.visualization
    (objective,) = study.metric_names or ["score"]
    figures = [
        ("best_so_far", pictures.plot_optimization_history(study, target_name=objective)),
        ("parallel_coordinates", pictures.plot_parallel_coordinate(study, target_name=objective)),
    ]
    if len({trial.value for trial in done}) > 1:
        figures.append(("importances", pictures.plot_param_importances(study, target_name=objective)))
    if all("parameters" in trial.user_attrs for trial in done):
        figures.append(("pareto_front", _pareto(study, objective)))
    return figures


def _pareto(study: optuna.Study, objective: str) -> Any:
    """The objective against the number of parameters."""
    both = optuna.create_study(directions=[study.direction, "minimize"])
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        values = [trial.value or 0.0, trial.user_attrs["parameters"]]
        both.add_trial(create_trial(values=values, params=trial.params, distributions=trial.distributions))
    return optuna.visualization.plot_pareto_front(both, target_names=[objective, "parameters"])
