"""Supernets of every decision of event sequences: what a path costs, and whether what it inherits tells networks apart.

    python benchmarks/event_paths.py --data DATA/events --task vowels --speed
    python benchmarks/event_paths.py --data DATA/events --task vowels --tau 30 --methods spos fairnas enas

Tasks are those of ``worth.py``. ``--speed`` times the step of a path beside that of the stand-alone network, and
inherited scores. ``--tau N`` trains N random architectures alone, of which each is a folder of ``trials``, and a
supernet by each method, which has a checkpoint there, so both go on where they were interrupted; then it prints
Kendall's τ between the inherited losses and the scores of those trainings, and how well these agree with trainings by
another seed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau
from timed import seconds_of
from worth_tasks import TASKS, of_some_users

from nni_nasplus import registry
from nni_nasplus.cli.tasks.events import ReadyEvents
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.one_shot.mixture import one_path
from nni_nasplus.one_shot.options import options_of
from nni_nasplus.one_shot.paths import Paths, drawn_genes
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventEvaluator, schedule_of
from nni_nasplus.training.trial_folder import outcome_in

_ONE = {"spos": {"rounds": 1, "population": 1}, "fairnas": {"rounds": 1, "population": 1}, "enas": {"samples": 1}}
"""What keeps a method from searching once it has trained."""


def prepared(options: argparse.Namespace, seed: int = 0) -> tuple[EventSequenceSpace, EventEvaluator]:
    """The space that the command searches, and what trains and scores on the data of the task, split by the seed."""
    events, labels, names = of_some_users(TASKS[options.task](options.data, seed), options.users, seed)
    task, cache = ReadyEvents(events="", labels="", **names, ready=(events, labels)), options.out / "data"
    if not cache.exists():
        task.prepare(cache, seed, 1)
    data = EventDataModule(cache)
    schedule = schedule_of(data.sizes["train"]) | ({"epochs": options.epochs} if options.epochs else {})
    return EventSequenceSpace(**data.shape.to_json(), **task._choices()), task._evaluator(str(cache), **schedule)


def search_of(name: str, space: EventSequenceSpace, evaluator: EventEvaluator, **settings: Any) -> Paths:
    """A search that has not begun."""
    return made(registry.load("one_shot", name), space, evaluator, **_ONE[name], **settings)  # type: ignore[no-any-return]


def drawn(search: Paths, count: int) -> list[Architecture]:
    """Distinct uniform paths, the same for all supernets of a space."""
    rng, found = np.random.default_rng(0), {}
    while len(found) < count:
        architecture = search.supernet.derive(drawn_genes(search.supernet, rng))
        found[str(architecture)] = architecture
    return list(found.values())


def time_paths(options: argparse.Namespace) -> None:
    """Print what a path costs beside its network, and what inherited scores do."""
    space, evaluator = prepared(options)
    search = search_of("spos", space, evaluator)
    batch = next(iter(search.loaders[0]))
    paths = drawn(search, options.architectures)
    optimizer = _still(search.configure_optimizers()[0])
    shared, alone = [], []
    for path in paths:  # in turn, for the machine may be slower later
        shared.append(seconds_of(lambda path=path: _path_step(search, optimizer, batch, path)))
        alone.append(seconds_of(_network_step(space, evaluator, batch, path)))
    print(f"step of a path: {1e3 * statistics.mean(shared):.1f} ms, {sum(shared) / sum(alone):.2f}× of the network's")
    users = EventDataModule(options.out / "data").sizes["val"]
    batches = max(1, round(min(options.scored, users) * len(search.loaders[1]) / users))
    search.inherited(paths[0], batches)
    started = time.process_time()
    for path in paths:
        search.inherited(path, batches)
    seconds = (time.process_time() - started) / len(paths)
    scored = round(batches * users / len(search.loaders[1]))
    print(f"inherited scores on {scored:,} users: {1000 * seconds:.0f} s for 1,000, on one core")


def _still(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """It, which leaves weights as they are."""
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    return optimizer


def _path_step(search: Paths, optimizer: torch.optim.Optimizer, batch: Any, path: Architecture) -> None:
    """Of a supernet, whose weights stay."""
    search.loss(batch, one_path(search.supernet, path)).backward()
    torch.nn.utils.clip_grad_norm_(search.supernet.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def _network_step(
    space: EventSequenceSpace, evaluator: EventEvaluator, batch: Any, path: Architecture
) -> Callable[[], None]:
    network = space.build(path)
    task = evaluator.task(network)
    task.log = task.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
    optimizer = torch.optim.AdamW(network.parameters(), 0.0)

    def step() -> None:
        task.training_step(batch, 0).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def correlate(options: argparse.Namespace) -> None:
    """Print how inherited losses order what was trained alone."""
    space, evaluator = prepared(options)
    paths = drawn(search_of("spos", space, evaluator), options.tau)
    scores = [trained(space, evaluator, path, options.out / "trials", seed) for seed in (0, 1) for path in paths]
    first, second = scores[: len(paths)], scores[len(paths) :]
    print(f"{options.task}, {len(paths)} architectures, {evaluator.epochs} epochs")
    print(f"| one training and another | {kendalltau(first, second)[0]:.2f} |")
    for name in options.methods:
        search = search_of(name, space, evaluator, **_settings(name, space, evaluator, options))
        fit(search, options.out / f"{name}-{options.supernet_epochs or 'default'}")
        losses = [search.inherited(path, len(search.loaders[1])) for path in paths]
        print(f"| {name} | {kendalltau([-loss for loss in losses], np.add(first, second))[0]:.2f} |", flush=True)


def _settings(name: str, space: Any, evaluator: Any, options: argparse.Namespace) -> dict[str, Any]:
    epochs = options.supernet_epochs or options_of(registry.load("one_shot", name).Options, space, evaluator, {}).epochs
    return {"epochs": epochs}


def trained(space: EventSequenceSpace, evaluator: EventEvaluator, path: Architecture, folder: Path, seed: int) -> float:
    """The score of a training, higher for better, which is not repeated."""
    trial = folder / f"{space.search_space.key(path)}-{seed}"
    if (outcome := outcome_in(trial)) is None:
        replace(evaluator, seed=seed).evaluate(space, path, trial)
        outcome = outcome_in(trial)
    assert outcome is not None
    assert outcome.score is not None
    return outcome.score if evaluator.direction == "maximize" else -outcome.score


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the tables")
    parser.add_argument("--task", choices=list(TASKS), default="credit")
    parser.add_argument("--users", type=int, default=0, help="users of all splits; 0 for all")
    parser.add_argument("--out", type=Path, default=Path("build/event_paths"), help="data, trials and checkpoints")
    parser.add_argument("--epochs", type=int, default=0, help="of a training alone; 0 for what suits the users")
    parser.add_argument("--supernet-epochs", type=int, default=0, help="of the supernet; 0 for as many")
    parser.add_argument("--methods", nargs="+", default=list(_ONE), choices=list(_ONE))
    parser.add_argument("--architectures", type=int, default=20, help="that are timed")
    parser.add_argument("--scored", type=int, default=2000, help="validation users of a timed score")
    parser.add_argument("--speed", action="store_true", help="time paths")
    parser.add_argument("--tau", type=int, default=0, metavar="N", help="correlate N architectures")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    if options.speed:
        time_paths(options)
    if options.tau:
        correlate(options)


if __name__ == "__main__":
    main()
