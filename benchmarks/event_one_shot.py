"""What supernets of event sequences find, beside as many seconds of ``thompson``.

    python benchmarks/event_one_shot.py --data DATA/events --task credit --users 3000 --seeds 3
    python benchmarks/event_one_shot.py --data DATA/events --users 3000 --methods spos --best 5 --out PATHS

Tasks are those of ``worth.py``; each seed has a split of its own. A method searches in one supernet, those by gradients
the encoder's operations, those by paths every decision, and the ``--best`` that it finds are trained as any trial.
``thompson`` searches the whole space, at least the five networks that the space begins with, until its trainings have
taken as many seconds of one core as the slowest of the methods. What is measured is a line of ``measured.jsonl`` in the
folder of ``--out``; a supernet that was interrupted goes on from its checkpoint, though its seconds are then those of
its last part alone. Printed are test scores of what validates best, mean and standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from event_paths import prepared

from nni_nasplus import registry
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.search.search import Search
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventEvaluator
from nni_nasplus.training.trial_folder import WEIGHTS

_MEASURED = "measured.jsonl"
_THOMPSON = "thompson"
_METHODS = ("darts", "gdas", "drnas")


def described(
    space: EventSequenceSpace, evaluator: EventEvaluator, architecture: Architecture, folder: Path
) -> dict[str, Any]:
    """Train a network; its validation and its test score, and its notation."""
    validation = evaluator.evaluate(space, architecture, folder)[evaluator.objective]
    test = evaluator.test(space.trained(architecture, folder / WEIGHTS))[evaluator.objective]
    return {"validation": validation, "test": test, "found": space.genotype(architecture)}


def best(found: Sequence[dict[str, Any]], evaluator: EventEvaluator) -> dict[str, Any]:
    """By validation."""
    return (max if evaluator.direction == "maximize" else min)(found, key=lambda one: one["validation"])


def derived(
    name: str, space: EventSequenceSpace, evaluator: EventEvaluator, seed: int, out: Path, count: int
) -> dict[str, Any]:
    """The best by validation of so many that a method finds, trained."""
    started = time.process_time()
    search = made(registry.load("one_shot", name), space, evaluator, seed=seed)
    architectures = fit(search, out / f"{name}-{seed}").architectures[:count]
    supernet = time.process_time() - started
    found = [
        described(space, evaluator, one, out / f"{name}-{seed}-derived-{number}")
        for number, one in enumerate(architectures)
    ]
    seconds = time.process_time() - started
    return {**best(found, evaluator), "seconds": seconds, "supernet": supernet, "trials": len(found)}


def searched(
    space: EventSequenceSpace, evaluator: EventEvaluator, seed: int, out: Path, seconds: float
) -> dict[str, Any]:
    """The best by validation of what ``thompson`` trains in so many seconds."""
    strategy = make_strategy(_THOMPSON, {})
    search = Search(space.search_space, strategy, seed=seed, direction=evaluator.direction)
    started, found = time.process_time(), []
    while time.process_time() - started < seconds or len(found) < len(space.search_space.initial):
        trial = search.ask()
        found.append(described(space, evaluator, trial.architecture, out / f"{_THOMPSON}-{seed}-{len(found)}"))
        search.tell(trial, found[-1]["validation"])
    return {**best(found, evaluator), "seconds": time.process_time() - started, "trials": len(found)}


def measured_in(folder: Path) -> list[dict[str, Any]]:
    """What was measured until now."""
    path = folder / _MEASURED
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def measure(options: argparse.Namespace, seed: int, out: Path) -> None:
    """Search by what has not searched this split yet, and add a line for each."""
    folder = argparse.Namespace(**{**vars(options), "out": out / f"data-{seed}"})
    space, evaluator = prepared(folder, seed)
    evaluator = replace(evaluator, seed=seed)
    done = {one["method"]: one for one in measured_in(out) if one["seed"] == seed}
    for name in [*options.methods, _THOMPSON]:
        if name in done:
            continue
        if name == _THOMPSON:
            found = searched(space, evaluator, seed, out, max(done[method]["seconds"] for method in options.methods))
        else:
            found = derived(name, space, evaluator, seed, out, options.best)
        done[name] = {"method": name, "seed": seed, **found}
        with (out / _MEASURED).open("a", encoding="utf-8") as file:
            file.write(json.dumps(done[name]) + "\n")


def show(lines: Sequence[Mapping[str, Any]]) -> None:
    """Print the table."""
    print("| method | test | validation | core-seconds | trained | seeds |\n|---|---|---|---|---|---|")
    for name in dict.fromkeys(one["method"] for one in lines):
        ours = [one for one in lines if one["method"] == name]
        scores = [_spread([one[what] for one in ours]) for what in ("test", "validation")]
        seconds = statistics.mean(one["seconds"] for one in ours)
        trained = statistics.mean(one["trials"] for one in ours)
        print(f"| {name} | {' | '.join(scores)} | {seconds:.0f} | {trained:.0f} | {len(ours)} |")


def _spread(values: Sequence[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.4f} ± {deviation:.4f}"


def main() -> None:
    """Measure what is missing, and print all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the event tables")
    parser.add_argument("--task", default="credit", help="one of those of worth.py")
    parser.add_argument("--users", type=int, default=0, help="users of all splits; 0 for all")
    parser.add_argument("--epochs", type=int, default=0, help="of a training; 0 for what suits the users")
    parser.add_argument("--methods", nargs="+", default=list(_METHODS))
    parser.add_argument("--best", type=int, default=1, help="of what a method finds, that are trained")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("build/event_one_shot"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    out = options.out / options.task.replace(" ", "_")
    out.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        measure(options, seed, out)
    show(measured_in(out))


if __name__ == "__main__":
    main()
