"""One training for all budgets: what networks of a supernet reach beside the same networks trained alone.

    python benchmarks/one_training.py --data DATA/events --task credit --users 3000 --seeds 3

Tasks are those of ``worth.py``. For each seed BigNAS and AttentiveNAS train a supernet of every decision for as many
epochs as a network is trained alone. Printed are, of the smallest network, the largest and some between, the objective
on the test users with inherited weights and trained alone; and the hypervolume of what random networks reach by each
supernet, over the logarithm of their FLOPs. Trainings are folders of ``--out``, so what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from event_paths import drawn, prepared

from nni_nasplus import registry
from nni_nasplus.networks.cost import count_flops
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.search.pareto import hypervolume
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventEvaluator
from nni_nasplus.training.trial_folder import WEIGHTS

_METHODS = ("bignas", "attentivenas")
_QUICK = {"rounds": 1, "population": 1, "batches": 1}
"""What keeps a method from searching once it has trained."""
_CHANCE = 0.5
"""The ROC-AUC of a guess, from which hypervolumes are measured."""


def supernet(name: str, space: EventSequenceSpace, evaluator: EventEvaluator, seed: int, out: Path) -> Any:
    """A search whose supernet is trained."""
    kind = registry.load("one_shot", name)
    search = made(kind, space, evaluator, seed=seed, epochs=evaluator.epochs, **_QUICK)
    fit(search, out / f"{name}-{seed}")
    return search


def inherited(search: Any, space: EventSequenceSpace, evaluator: EventEvaluator, path: Architecture) -> float:
    """The objective on the test users with the weights of the supernet."""
    network = space.build(path)
    network.load_state_dict(search.supernet.network_of(path).state_dict())
    return evaluator.test(network)[evaluator.objective]


def alone(space: EventSequenceSpace, evaluator: EventEvaluator, path: Architecture, seed: int, out: Path) -> float:
    """The same, trained alone; a training is not repeated."""
    folder = out / "alone" / f"{space.search_space.key(path)}-{seed}"
    if not (folder / WEIGHTS).exists():
        replace(evaluator, seed=seed).evaluate(space, path, folder)
    return evaluator.test(space.trained(path, folder / WEIGHTS))[evaluator.objective]


def volume(scores: Sequence[float], flops: Sequence[float]) -> float:
    """The share of the rectangle from chance to 1, and from the most FLOPs to the fewest, that is dominated."""
    logs = np.log(np.array(flops))
    cheap = (logs.max() - logs) / np.ptp(logs)
    good = (np.array(scores) - _CHANCE) / (1 - _CHANCE)
    return hypervolume(np.stack([cheap, good], 1), np.array([-1e-9, 0.0]))


def measured(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """All of one seed."""
    space, evaluator = prepared(options)
    searches = {name: supernet(name, space, evaluator, seed, options.out) for name in _METHODS}
    big = searches["bignas"]
    between = drawn(big, options.networks)
    found: dict[str, Any] = {"gap": {}, "volume": {}}
    for title, path in [("smallest", big.smallest), *enumerate(between[: options.alone], 1), ("largest", big.largest)]:
        scores = {name: inherited(search, space, evaluator, path) for name, search in searches.items()}
        found["gap"][str(title)] = {**scores, "alone": alone(space, evaluator, path, seed, options.out)}
    flops = [count_flops(space.build(path), space.example()) for path in between]
    for name, search in searches.items():
        found["volume"][name] = volume([inherited(search, space, evaluator, path) for path in between], flops)
    return found


def report(results: Sequence[dict[str, Any]]) -> None:
    """Print means over seeds."""
    print("| network | " + " | ".join((*_METHODS, "alone")) + " |\n|---|---|---|---|")
    for title in results[0]["gap"]:
        columns = [[result["gap"][title][name] for result in results] for name in (*_METHODS, "alone")]
        print(f"| {title} | " + " | ".join(_spread(column) for column in columns) + " |")
    for name in _METHODS:
        gaps = [100 * statistics.mean(row["alone"] - row[name] for row in result["gap"].values()) for result in results]
        print(f"{name}: gap in points {_spread(gaps, 2)}; hypervolume {_spread([r['volume'][name] for r in results])}")
    differences = [result["volume"]["attentivenas"] - result["volume"]["bignas"] for result in results]
    print(f"attentivenas − bignas: {', '.join(f'{value:+.4f}' for value in differences)}")


def _spread(values: Sequence[float], digits: int = 4) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the tables")
    parser.add_argument("--task", default="credit")
    parser.add_argument("--users", type=int, default=3000, help="users of all splits; 0 for all")
    parser.add_argument("--epochs", type=int, default=0, help="of every training; 0 for what suits the users")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", type=int, default=40, help="random networks of a hypervolume")
    parser.add_argument("--alone", type=int, default=3, help="of these, how many are trained alone too")
    parser.add_argument("--out", type=Path, default=Path("build/one_training"))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    results = []
    for seed in range(options.seeds):
        kept = options.out / f"seed-{seed}.json"
        if not kept.exists():
            kept.write_text(json.dumps(measured(options, seed)), encoding="utf-8")
        results.append(json.loads(kept.read_text(encoding="utf-8")))
        print(f"seed {seed} is done", flush=True)
    report(results)


if __name__ == "__main__":
    main()
