"""``nasplus search``: prepare the data, run the experiment, report."""

from __future__ import annotations

import sys
import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from nni_nasplus import registry
from nni_nasplus.errors import UserError
from nni_nasplus.run import Run, described
from nni_nasplus.run_files import CACHE

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["search", "search_tables"]


def search(
    *,
    events: str,
    labels: str,
    id: str,
    time: str,
    target: str,
    space: str = "events",
    strategy: str = "evolution",
    strategy_options: dict[str, Any] = {},  # noqa: B006
    trials: int = 20,
    concurrency: int = 2,
    objective: str = "roc_auc",
    epochs: int = 10,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    hidden: int = 32,
    max_length: int = 256,
    categorical: str = "",
    numeric: str = "",
    ignore: str = "",
    drop_unmatched: bool = False,
    seed: int = 0,
    port: int = 8080,
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
        How to search: evolution, random, or another installed strategy.
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
    port
        Of the web UI.
    out
        The directory to keep everything in; by default a new one under runs/.
    """
    search_tables(
        events,
        labels,
        {"id": id, "time": time, "target": target},
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
        },
        settings={
            "strategy": strategy,
            "options": strategy_options,
            "trials": trials,
            "concurrency": concurrency,
            "seed": seed,
        },
        network={"hidden": hidden},
        space=space,
        port=port,
        out=out,
    )


def search_tables(
    events: str | pd.DataFrame,
    labels: str | pd.DataFrame,
    columns: dict[str, str],
    *,
    preparation: dict[str, Any],
    training: dict[str, Any],
    settings: dict[str, Any],
    network: dict[str, Any],
    space: str,
    port: int,
    out: str | None,
) -> Run:
    """Prepare, search and report; the arguments are grouped by who takes them."""
    from nni_nasplus.cli.report import report
    from nni_nasplus.hosts.nni.experiment import require_idle

    directory = Path(out or f"runs/{clock.strftime('%Y%m%d-%H%M%S')}").resolve()
    _check(settings, training)
    require_idle(port)
    Run.require_free(directory)
    kind = registry.load("spaces", space)
    registry.load("strategies", settings["strategy"])
    run = _prepared(directory, kind, events, labels, columns, preparation, training, settings, network)
    _experiment(run, port)
    report(run)
    return run


def _check(settings: dict[str, Any], training: dict[str, Any]) -> None:
    for name in ("trials", "concurrency"):
        if settings[name] < 1:
            raise UserError(f"--{name} is {settings[name]}; use 1 or more")
    for name in ("epochs", "batch_size", "learning_rate"):
        if training[name] <= 0:
            raise UserError(f"--{name} is {training[name]}; use more than 0")


def _prepared(
    directory: Path,
    kind: Any,
    events: str | pd.DataFrame,
    labels: str | pd.DataFrame,
    columns: dict[str, str],
    preparation: dict[str, Any],
    training: dict[str, Any],
    settings: dict[str, Any],
    network: dict[str, Any],
) -> Run:
    from nni_nasplus.data.module import EventDataModule
    from nni_nasplus.data.preparation import prepare
    from nni_nasplus.training.events import EventClassification

    seed = settings["seed"]
    cache = directory / CACHE
    evaluator = EventClassification(str(cache), **training, seed=seed)
    inputs: dict[str, Any] = {**columns, **preparation}
    prepare(events, labels, **inputs, out=cache, seed=seed)
    shape = EventDataModule(cache).shape
    return Run.create(
        directory,
        {
            "space": described(kind, {**shape.to_json(), **network}),
            "evaluator": described(type(evaluator), evaluator.init_args),
            **settings,
        },
    )


def _experiment(run: Run, port: int) -> None:
    from nni_nasplus.cli.progress import TrialProgress
    from nni_nasplus.hosts.nni.experiment import NniSearch

    console = Console(file=sys.stderr)
    with NniSearch(run, port) as experiment:
        console.print(f"searching {run.space.search_space.size:,} architectures; results in {run.directory}")
        console.print(f"web UI: {experiment.url}", highlight=False)
        with TrialProgress(console, run.settings["trials"]) as progress:
            experiment.wait(progress.update)


def _columns(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
