"""What the methods of ``devices.py`` have to offer within budgets of latency."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from worth_tasks import TASKS, of_some_users

from nni_nasplus._files import write_json
from nni_nasplus.cli.commands.search import search
from nni_nasplus.cli.running import finish
from nni_nasplus.cli.tasks.base import Task
from nni_nasplus.cli.tasks.events import ReadyEvents
from nni_nasplus.cli.tasks.images import ImageTask
from nni_nasplus.errors import UserError
from nni_nasplus.networks.costs.timing import Timing
from nni_nasplus.networks.limits import Limits
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.events.baselines import RecurrentBaselines
from nni_nasplus.spaces.mobile import MobileSpace
from nni_nasplus.tail.picking.pick import pick
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.trial_folder import WEIGHTS, outcome_in

_QUANTILES = (0.1, 0.3, 0.5, 0.8)
_DRAWN, _REPEATS = 24, 30
_TAIL = {"host": "process", "baseline_trials": 1, "tail_minutes": 0.01, "folds": 0}
"""What follows the last trial is no part of what is compared."""
_NO_LIMIT = 1e6
"""Milliseconds: what says that latencies are measured, and excludes nothing."""
_WIDTHS = [0.35, 0.5, 0.75, 1.0, 1.4]
"""Of MobileNetV2 (arXiv 1801.04381)."""


@dataclass(frozen=True)
class Found:
    """What a method has for a budget: of a pick also the latency that it states, and that of its ONNX."""

    ms: float
    validation: float
    test: float
    stated: float | None = None
    onnx: float | None = None


Answers = list[Found | None]
"""For each budget; None where a method has nothing that is so fast."""
Candidate = tuple[float, float, Callable[[], float]]
"""A trained network: its latency, its score, and what tests it."""


class Bench:
    """One seed of a task: its searches, each a folder, and four budgets."""

    def __init__(self, options: argparse.Namespace, seed: int) -> None:
        self.options, self.seed, self.folder = options, seed, options.folder / options.task / str(seed)
        self.timing, self.task = Timing(runtime=options.runtime), _task(options, seed)
        first = self.searched("random", strategy="random", trials=options.trials // 5)
        self.space, self.evaluator = first.space, first.evaluator
        self.arguments: dict[str, Any] = first.settings.space["init_args"]
        self.budgets: list[float] = kept(self.folder.parent / "budgets.json", self._quantiles)

    def searched(self, name: str, limit: float = _NO_LIMIT, **settings: Any) -> Run:
        """A search, from the beginning or from where it stopped."""
        out = self.folder / name
        if (out / "run.json").exists():
            finish(Run.open(out))
            return Run.open(out)
        every = {**_TAIL, "seed": self.seed, "latency_runtime": self.options.runtime, "max_latency_ms": limit}
        run = search(self.task, Settings(**every, **settings), str(out))
        assert run is not None
        return run

    def ms(self, space: NetworkSpace, architecture: Architecture) -> float:
        """Milliseconds of one example."""
        return self.timing.ms(space.build(architecture), space.example(), _REPEATS)

    def best(self, candidates: Iterable[Candidate]) -> Answers:
        """Within each budget what validates best, which alone is tested."""
        known = sorted(candidates, key=lambda one: -one[1])
        within = [next((one for one in known if one[0] <= budget), None) for budget in self.budgets]
        return [one and Found(one[0], one[1], one[2]()) for one in within]

    def _quantiles(self) -> list[float]:
        rng = np.random.default_rng(0)
        drawn = [self.ms(self.space, self.space.search_space.sample(rng)) for _ in range(_DRAWN)]
        return [float(budget) for budget in np.quantile(drawn, _QUANTILES)]


def picked(method: str, bench: Bench) -> Answers:
    """Networks for each budget out of one supernet, and how long their ONNX takes."""
    run = bench.searched(method, strategy=method, strategy_options=bench.options.supernet, trials=1)
    return [_pick(bench, run, budget) for budget in bench.budgets]


def _pick(bench: Bench, run: Run, budget: float) -> Found | None:
    try:
        one = pick(run, Limits(max_latency_ms=budget), bench.options.samples, lambda _: None)
    except UserError as error:
        sys.stderr.write(f"{run.directory}: {error}\n")
        return None
    architecture = run.space.parse_genotype(one.genotype)
    onnx = Timing(runtime="onnxruntime").ms(one.model.network, one.model.example(), _REPEATS)
    ms = bench.ms(run.space, architecture)
    return Found(ms, one.score, one.test["test"], one.costs["max_latency_ms"], onnx)


def each_budget(method: str, trials: int, bench: Bench) -> Answers:
    """A search under each budget; whatever one of them trained may be the answer to another."""
    runs = [bench.searched("random", strategy="random")] if method == "random" else []
    for number, budget in enumerate(bench.budgets):
        runs.append(bench.searched(f"{method}-{number}", budget, strategy=method, trials=trials))
    return bench.best(one for run in runs for one in _trained(bench, run))


def with_objectives(method: str, bench: Bench) -> Answers:
    """One search for the score and the latency."""
    objectives = [bench.evaluator.objective, "latency_ms"]
    run = bench.searched(method, strategy=method, objectives=objectives, trials=bench.options.trials)
    return bench.best(_trained(bench, run))


def _trained(bench: Bench, run: Run) -> Iterable[Candidate]:
    for trial in run.history().finished:
        if trial.outcome is not None and trial.outcome.score is not None:
            ms = bench.ms(run.space, trial.architecture)
            yield ms, trial.outcome.score, lambda trial=trial: _test(run.evaluator, run.network(trial))  # type: ignore[misc]


def uniform(bench: Bench) -> Answers:
    """Networks of one kind that differ in width alone."""
    space, arguments = bench.space, bench.arguments
    if isinstance(space, MobileSpace):
        space = MobileSpace(**{**arguments, "hyperparameters": {"width": _WIDTHS}})
        blocks = "/".join(",".join(["mb6_3x3"] * depth) for depth in space.macro.depths)
        paths = [{**space.parse_genotype(blocks), "width": width} for width in _WIDTHS]
    else:
        known = signature(RecurrentBaselines).parameters
        space = RecurrentBaselines(**{name: value for name, value in arguments.items() if name in known})
        paths = [{**space.search_space.initial[0], "hidden": hidden} for hidden in space.choices["hidden"]]
    return bench.best(_alone(bench, space, path) for path in paths)


def _alone(bench: Bench, space: NetworkSpace, path: Architecture) -> Candidate:
    """Of a training, which is not repeated."""
    folder = bench.folder / "uniform" / space.search_space.key(path)
    if outcome_in(folder) is None:
        bench.evaluator.evaluate(space, path, folder)
    outcome = outcome_in(folder)
    assert outcome is not None
    assert outcome.score is not None
    return bench.ms(space, path), outcome.score, lambda: _test(bench.evaluator, space.trained(path, folder / WEIGHTS))


def _test(evaluator: Evaluator, network: Any) -> float:
    return evaluator.test(network)[evaluator.objective]


def _task(options: argparse.Namespace, seed: int) -> Task:
    if options.task == "fashion":
        images = options.data / "images" / "fashion_mnist_12k.npz"
        return ImageTask(images=str(images), space="mobile", scale="small", epochs=options.epochs)
    events, labels, names = of_some_users(TASKS[options.task](options.data / "events", seed), options.users, 0)
    return ReadyEvents(events="", labels="", **names, ready=(events, labels), epochs=options.epochs)


def kept(path: Path, measure: Callable[[], Any]) -> Any:
    """What was measured before, or is now."""
    if not path.exists():
        write_json(path, measure())
    return json.loads(path.read_text(encoding="utf-8"))


METHODS: dict[str, Callable[[Bench], Answers]] = {
    "bignas": partial(picked, "bignas"),
    "attentivenas": partial(picked, "attentivenas"),
    "proxyless": partial(each_budget, "proxyless", 1),
    "fbnet": partial(each_budget, "fbnet", 1),
    "thompson": partial(with_objectives, "thompson"),
    "random": lambda bench: each_budget("random", bench.options.trials // 5, bench),
    "uniform": uniform,
}
