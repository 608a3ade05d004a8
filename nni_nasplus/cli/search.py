"""``nasplus search``: prepare the data, run the experiment, report."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import time as clock
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from nni_nasplus import registry
from nni_nasplus.distillation import Distillation
from nni_nasplus.errors import UserError
from nni_nasplus.limits import Limits
from nni_nasplus.run import Run, described
from nni_nasplus.run_files import CACHE, JOURNAL
from nni_nasplus.space import SearchSpace

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plan", "complete", "finish", "search", "search_tables"]


def search(
    *,
    events: str,
    labels: str,
    id: str,
    time: str,
    target: str,
    space: str = "events",
    strategy: str = "thompson",
    strategy_options: dict[str, Any] = {},  # noqa: B006
    trials: int = 20,
    concurrency: int = 2,
    objective: str = "roc_auc",
    epochs: int = 10,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    distill: bool = False,
    distillation: dict[str, Any] = {},  # noqa: B006
    hidden: int = 32,
    max_length: int = 256,
    categorical: str = "",
    numeric: str = "",
    ignore: str = "",
    drop_unmatched: bool = False,
    seed: int = 0,
    max_failures: int = 5,
    trial_seconds: float | None = None,
    trial_mib: float | None = None,
    max_parameters: float | None = None,
    max_flops: float | None = None,
    max_latency_ms: float | None = None,
    host: Literal["nni", "optuna"] = "nni",
    storage: str | None = None,
    port: int = 8080,
    bind: str = "127.0.0.1",
    out: str | None = None,
) -> None:
    """Search an architecture for your tables.

    Parameters
    ----------
    events
        Table of events, CSV or Parquet: a row an event.
    labels
        Table of labels, CSV or Parquet: a row a user.
    id
        The column of both tables that names the user.
    time
        The column of the events that says when: numbers or dates.
    target
        The column of the labels to predict.
    space
        What to search; one of the installed spaces.
    strategy
        How to search: thompson, evolution, random, or another installed strategy.
    strategy_options
        The strategy's own settings, as in --strategy_options.population_size 20.
    trials
        Architectures to train.
    concurrency
        Trials at a time.
    objective
        What the search optimises on validation users: roc_auc, accuracy, f1 or loss.
    epochs
        The most passes over the training users; training stops early when it no longer improves.
    batch_size
        Users a batch.
    learning_rate
        The peak of the one-cycle schedule.
    distill
        Let a trial learn from the 3 best architectures before it as well, once 30 trials have finished; in a shorter
        search once a third have, and enough to teach.
    distillation
        The settings of --distill, as in --distillation.n_teachers 3: weight, n_teachers, n_skip (finished trials before
        the first is distilled), loss (mse or kl), temperature (of kl), max_bytes.
    hidden
        Width of attention heads and feed-forward layers.
    max_length
        The most recent events of a user that are used.
    categorical
        Columns to treat as categories, comma-separated; the rest is inferred.
    numeric
        Columns to treat as numbers, comma-separated.
    ignore
        Columns to leave out, comma-separated.
    drop_unmatched
        Leave out users without a label or without events, instead of stopping.
    seed
        Fixes split, search and training.
    max_failures
        After so many failures in a row for one reason, the search stops.
    trial_seconds
        A trial that takes longer fails.
    trial_mib
        A trial that takes more MiB of memory fails.
    max_parameters
        Architectures with more trainable weights are not trained.
    max_flops
        Architectures whose forward pass of one user takes more floating-point operations are not trained.
    max_latency_ms
        Architectures whose forward pass of one user takes more milliseconds on this machine are not trained.
    host
        What runs the trials: an NNI experiment, or an Optuna study.
    storage
        Of the Optuna study: a database's URL, or journal:PATH; by default study.db in the directory. Others may join in
        with: nasplus work DIR.
    port
        Of NNI's web UI.
    bind
        The address that the web UI listens on, without a password: 0.0.0.0 for every interface.
    out
        The directory to keep everything in; by default a new one under runs/.
    """
    plan = Plan(
        space,
        columns={"id": id, "time": time, "target": target},
        preparation={
            "categorical": _columns(categorical),
            "numeric": _columns(numeric),
            "ignore": _columns(ignore),
            "drop_unmatched": drop_unmatched,
            "max_length": max_length,
        },
        training={
            "objective": objective,
            "epochs": epochs,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "distillation": _distillation(distill, distillation, trials),
        },
        settings={
            "strategy": strategy,
            "options": strategy_options,
            "trials": trials,
            "concurrency": concurrency,
            "seed": seed,
            "max_failures": max_failures,
            "model_limits": {"parameters": max_parameters, "flops": max_flops, "latency_ms": max_latency_ms},
            "limits": {"seconds": trial_seconds, "memory": None if trial_mib is None else int(trial_mib * 2**20)},
            "host": host,
            "storage": storage,
        },
        network={"hidden": hidden},
    )
    search_tables(events, labels, plan, port, out, bind)


@dataclass(frozen=True)
class Plan:
    """A search's arguments, by who takes them."""

    space: str
    """Name of an installed space."""
    columns: Mapping[str, str]
    """Of ``prepare``: the id, time and target columns."""
    preparation: Mapping[str, Any]
    """Of ``prepare``: the rest."""
    training: Mapping[str, Any]
    """Of the evaluator."""
    settings: Mapping[str, Any]
    """Of the search: strategy, its options, trials, concurrency, seed."""
    network: Mapping[str, Any]
    """Of the space, besides the sizes of the data."""

    def check(self) -> None:
        """Raise :class:`UserError` naming what cannot work, before anything is read or written."""
        kind = registry.load("spaces", self.space)
        if "cardinalities" not in inspect.signature(kind._init_wrapped).parameters:
            raise UserError(f"space '{self.space}' is not for tables of events; use --space events")
        options = {name: self.settings[name] for name in ("seed", "options")}
        registry.make_strategy(self.settings["strategy"], SearchSpace({}), direction="maximize", **options)
        for name in ("trials", "concurrency", "max_failures"):
            if self.settings.get(name, 1) < 1:
                raise UserError(f"--{name} is {self.settings[name]}; use 1 or more")
        for name in ("epochs", "batch_size", "learning_rate"):
            if self.training[name] <= 0:
                raise UserError(f"--{name} is {self.training[name]}; use more than 0")
        self._check_host()
        Limits(**self.settings.get("model_limits", {}))
        for name, limit in self.settings.get("limits", {}).items():
            if limit is not None and limit <= 0:
                raise UserError(f"--trial_{'mib' if name == 'memory' else name} is {limit}; use more than 0")

    def _check_host(self) -> None:
        if self.settings.get("host") == "optuna":
            if importlib.util.find_spec("optuna") is None:
                raise UserError('--host optuna needs Optuna; pip install "nni-nasplus[optuna]"')
            if any(limit is not None for limit in self.settings["limits"].values()):
                raise UserError("--trial_seconds and --trial_mib need --host nni, which gives each trial a process")
            if self.settings.get("storage"):
                from nni_nasplus.hosts.optuna.study import open_storage

                open_storage(self.settings["storage"])
        elif self.settings.get("storage") is not None:
            raise UserError("--storage has no effect; add --host optuna")


def search_tables(
    events: str | pd.DataFrame,
    labels: str | pd.DataFrame,
    plan: Plan,
    port: int,
    out: str | None,
    bind: str = "127.0.0.1",
) -> Run:
    """Prepare, search and report."""
    directory = Path(out or f"runs/{clock.strftime('%Y%m%d-%H%M%S')}").resolve()
    plan.check()
    if plan.settings.get("host") != "optuna":
        from nni_nasplus.hosts.nni.experiment import require_idle

        require_idle(port)
    Run.require_free(directory)
    run = _prepared(directory, events, labels, plan)
    finish(run, port, bind)
    return run


def finish(run: Run, port: int, bind: str) -> None:
    """Run what is left of a search, and report."""
    from nni_nasplus.cli.report import RESULT, print_result, report

    if complete(run, port, bind) or not (run.directory / RESULT).exists():
        report(run)
    else:
        print_result(run)


def complete(run: Run, port: int, bind: str) -> bool:
    """Run what is left of a search; whether anything was.

    Raises
    ------
    UserError
        If it runs already, the port is in use, or it cannot go on.
    """
    is_study = run.settings.get("host") == "optuna"
    with run.exclusive():
        if not is_study:
            from nni_nasplus.hosts.nni.experiment import require_dead

            require_dead(run)
        journal = run.directory / JOURNAL
        if journal.exists() and len(run.archive().finished) >= run.settings["trials"]:
            return False
        _study(run) if is_study else _experiment(run, port, bind)
        return True


def _prepared(directory: Path, events: str | pd.DataFrame, labels: str | pd.DataFrame, plan: Plan) -> Run:
    from nni_nasplus.data.module import EventDataModule
    from nni_nasplus.data.preparation import prepare
    from nni_nasplus.training.events import EventClassification

    cache, seed = directory / CACHE, plan.settings["seed"]
    evaluator = EventClassification(str(cache), **plan.training, seed=seed)
    inputs: dict[str, Any] = {**plan.columns, **plan.preparation}
    prepare(events, labels, **inputs, out=cache, seed=seed)
    sizes = EventDataModule(cache).shape.to_json()
    space = described(registry.load("spaces", plan.space), {**sizes, **plan.network})
    return Run.create(
        directory,
        {"space": space, "evaluator": described(type(evaluator), evaluator.init_args), **plan.settings},
    )


def _study(run: Run) -> None:
    from nni_nasplus.cli.progress import TrialProgress
    from nni_nasplus.hosts.optuna.search import OptunaSearch

    console = Console(file=sys.stderr)
    with OptunaSearch(run) as study:
        console.print(f"searching {run.space.search_space}; results in {run.directory}", highlight=False)
        console.print(study.where, highlight=False, soft_wrap=True)
        with TrialProgress(console, run.settings["trials"]) as progress:
            study.wait(progress.update)


def _experiment(run: Run, port: int, bind: str) -> None:
    from nni_nasplus.cli.progress import TrialProgress
    from nni_nasplus.hosts.nni.experiment import NniSearch, require_idle
    from nni_nasplus.hosts.nni.manager import warn_of

    console = Console(file=sys.stderr)
    require_idle(port)
    warn_of(bind)
    with NniSearch(run, port, bind) as experiment:
        console.print(f"searching {run.space.search_space}; results in {run.directory}", highlight=False)
        console.print(f"web UI: {experiment.url}", highlight=False)
        with TrialProgress(console, run.settings["trials"]) as progress:
            experiment.wait(progress.update)


def _distillation(distill: bool, options: Mapping[str, Any], trials: int) -> dict[str, Any] | None:
    """The evaluator's settings. By default the first distilled trial finds all its teachers, and most trials have some.

    Raises
    ------
    UserError
        If they are wrong, would reach no trial, or are given without --distill.
    """
    if not distill:
        if options:
            raise UserError(f"--distillation.{next(iter(options))} has no effect; add --distill")
        return None
    given = Distillation.of(options)
    default = min(given.n_skip, max(given.n_teachers, trials // 3))
    settings = replace(given, n_skip=options.get("n_skip", default))
    if settings.n_skip >= trials:
        raise UserError(
            f"--distill begins after {settings.n_skip} of {trials} trials and would reach none; "
            "set --distillation.n_skip below --trials"
        )
    return asdict(settings)


def _columns(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
