"""Is the outcome worth the search? What is shipped, beside what people have at hand, on real tasks.

python benchmarks/worth.py FOLDER --data DATA [--tasks sepsis billing] [--seeds 0 1 2] [--trials 20] [--random]

Each task and seed is a search with another split, in FOLDER/TASK/SEED, that goes on where it stopped; every baseline is
tuned as often as the search trains. With --random the same is done by random search, in FOLDER/TASK/random/SEED, whose
ensemble and winner stand beside. What is done is a line of FOLDER/results.jsonl. The table is printed in any case.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from worth_table import MULTIROCKET, print_tables
from worth_tasks import TASKS, Tables

from nni_nasplus._files import read_json
from nni_nasplus.cli.commands.search import search
from nni_nasplus.cli.running import finish
from nni_nasplus.cli.tasks.events import ReadyEvents
from nni_nasplus.report.findings import REPORT
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.tail.baselines import tuned_baselines
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.distilled import DISTILLED, UNTAUGHT, distil
from nni_nasplus.tail.ensemble import joined
from nni_nasplus.tail.repeats import repeated
from nni_nasplus.tail.tail import split_contenders, tunable
from nni_nasplus.tail.workers import Workers
from nni_nasplus.training.trial_folder import WEIGHTS

_CONCURRENCY = 2
"""Gives training one core of two, since a second one helps such small networks little; two tasks may run beside."""
_TRANSFORMER = "|1|a4,a4||04"
"""Two layers of attention, as people use them without a search."""
_KERNELS = 6250
"""Of MultiRocket, which has some 50,000 features of them, as published."""
_SERIES = ("vowels",)
"""Tasks whose users have regular series of numbers, which is what MultiRocket takes."""
_UNLIMITED = 1e6
"""Minutes of the tail: here all contenders are trained equally often, whatever that takes."""


def searched(tables: Tables, out: Path, seed: int, trials: int, strategy: str) -> Run:
    """A search with its tail, from the beginning or from where it stopped."""
    if (out / "run.json").exists():
        finish(Run.open(out))
        return Run.open(out)
    events, labels, names = tables
    task = ReadyEvents(events="", labels="", **names, ready=(events, labels))
    settings = Settings(
        strategy=strategy,
        trials=trials,
        seed=seed,
        host="process",
        concurrency=_CONCURRENCY,
        baseline_trials=trials,
        tail_minutes=_UNLIMITED,
    )
    run = search(task, settings, str(out))
    assert run is not None
    return run


def contenders(run: Run) -> Iterator[dict[str, Any]]:
    """The rows of a run's report, by plain names."""
    report = read_json(run.directory / REPORT)
    objective = report["objective"]
    for row in report["rows"]:
        name = "ensemble" if row["name"].startswith("ensemble") else row["name"]
        yield {"contender": name, "validation": row["validation"][objective], "test": row["test"][objective]}
    yield {"contender": "noise of a training", "test": report["noise"]}
    before = "winner" if run.selected(UNTAUGHT) is None else UNTAUGHT
    yield {**_selected(run, before), "contender": "untaught winner"}
    yield from (_selected(run, name) for name in ("networks", DISTILLED))
    yield {"contender": "without folds", "test": _without_folds(run)}
    if (score := _transformer(run)) is not None:
        yield {"contender": "transformer", "test": score}
    scores = [trial.score for trial in run.history().best]
    yield {"contender": "spread of architectures", "test": float(np.std(scores, ddof=1))}


def of_random_search(run: Run) -> Iterator[dict[str, Any]]:
    """Likewise of random search, of which only what it ships is of use."""
    for what in ("ensemble", "winner"):
        yield {**_selected(run, what), "contender": f"random {what}"}


def of_multirocket(run: Run) -> Iterator[dict[str, Any]]:
    """One row, by the split of a run."""
    from worth_multirocket import multirocket

    yield {"contender": MULTIROCKET, "test": multirocket(run, _KERNELS)}


def _selected(run: Run, name: str) -> dict[str, Any]:
    """What may be shipped besides: the ensemble without baselines, and one network that the ensemble teaches."""
    if name == DISTILLED and run.selected(DISTILLED) is None:
        distil(run)
    found = run.selected(name)
    assert found is not None
    return {"contender": name, "test": found["test"]["test"]}


def _without_folds(run: Run) -> float:
    """The test score of the ensemble that would be selected on the validation users, of all that was trained."""
    workers = Workers(run)
    repeats = repeated(run, Budget(math.inf), workers)
    spaces = tunable(run, repeats[0].best.network())
    baselines = tuned_baselines(run, spaces, run.settings.baseline_trials, Budget(math.inf), workers)
    ensemble = joined(run, split_contenders(run, repeats, baselines))
    assert ensemble is not None
    return run.evaluator.test(ensemble.network())[run.settings.objective]


def _transformer(run: Run) -> float | None:
    """The test score of the fixed transformer that the search began with; None where it did not."""
    for trial in run.history().best:
        if run.space.genotype(trial.architecture).endswith(_TRANSFORMER):
            network = run.space.trained(trial.architecture, run.trial_directory(trial) / WEIGHTS)
            return run.evaluator.test(network)[run.settings.objective]
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the event tables")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--strategy", default="thompson")
    parser.add_argument("--random", action="store_true", help="random search too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)
    results = arguments.folder / "results.jsonl"
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seeds:
        for name in arguments.tasks:
            complete(arguments, name, seed, results)
    print_tables(read(results), Console(file=sys.stdout, width=180))


def complete(arguments: argparse.Namespace, name: str, seed: int, results: Path) -> None:
    """Do what is missing of a task and seed, and keep it."""
    folder = arguments.folder / name.replace(" ", "_")

    def run(out: Path, strategy: str) -> Run:
        return searched(TASKS[name](arguments.data, seed), out, seed, arguments.trials, strategy)

    def own() -> Run:
        return run(folder / str(seed), arguments.strategy)

    missing = {"ensemble": lambda: contenders(own())}
    if arguments.random:
        missing["random ensemble"] = lambda: of_random_search(run(folder / "random" / str(seed), "random"))
    if name in _SERIES:
        missing[MULTIROCKET] = lambda: of_multirocket(own())
    done = {line["contender"] for line in read(results) if (line["task"], line["seed"]) == (name, seed)}
    for rows in (make for contender, make in missing.items() if contender not in done):
        lines = [json.dumps({"task": name, "seed": seed, **row}) + "\n" for row in rows()]
        with results.open("a") as file:
            file.writelines(lines)


def read(results: Path) -> list[dict[str, Any]]:
    """What is done."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


if __name__ == "__main__":
    main()
