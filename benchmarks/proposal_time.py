"""How much CPU time a proposal takes as the history grows, and what Optuna adds.

python benchmarks/proposal_time.py [--methods ei thompson memory reinforce ppo]

``memory`` is ``ei`` with three earlier searches of a hundred architectures each, all of which agree with the results.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import optuna

from nni_nasplus import Search, SearchSpace
from nni_nasplus.hosts.optuna import NasSampler, suggest
from nni_nasplus.search.memory import Memory
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.space import Architecture
from nni_nasplus.search.strategy import Strategy, make_strategy
from nni_nasplus.strategies import RandomSearch

PROPOSALS = 20
METHODS: dict[str, tuple[str, dict[str, str]]] = {
    "ei": ("thompson", {}),
    "thompson": ("thompson", {"acquisition": "thompson"}),
    "memory": ("thompson", {}),
    "reinforce": ("reinforce", {}),
    "ppo": ("ppo", {}),
}


def large_space() -> SearchSpace:
    """4 layers of 7 operations with 4 widths each, and 8 switches: 1.6e8 architectures, a quarter conditional."""
    operations, heads = list("abcdefg"), [1, 2, 4, 8]
    decisions = {f"op{i}": operations for i in range(4)} | {f"heads{i}": heads for i in range(4)}
    conditions = {f"heads{i}": {f"op{i}": operations[:4]} for i in range(4)}
    return SearchSpace(decisions | {f"switch{i}": [False, True] for i in range(8)}, conditions)


def reached(architecture: Architecture, rng: np.random.Generator) -> float:
    """Half a deviation of the noise more for each decision that counts."""
    return float(rng.normal() + 0.5 * len(architecture))


def memories(space: SearchSpace, rng: np.random.Generator) -> Memory:
    """Three earlier searches of a hundred random architectures."""
    tasks = {}
    for name in ("first", "second", "third"):
        drawn = list({space.key(one): one for one in (space.sample(rng) for _ in range(100))}.values())
        tasks[name] = Ranking.of(drawn, [reached(one, rng) for one in drawn])
    return Memory(space, tasks)


def milliseconds(results: int, strategy: Strategy, remembers: bool = False) -> np.ndarray:
    """The time of each proposal after so many results; float [proposals]."""
    space, rng = large_space(), np.random.default_rng(0)
    search = Search(space, strategy, seed=0, earlier=memories(space, rng) if remembers else ())
    while len(search.history.observations) < results:
        search.learn(architecture := space.sample(rng), reached(architecture, rng))
    times = []
    for _ in range(PROPOSALS):
        started = time.process_time()
        trial = search.ask()
        times.append(1e3 * (time.process_time() - started))
        search.tell(trial, reached(trial.architecture, rng))
    return np.array(times)


def milliseconds_through_optuna(results: int) -> tuple[float, float, float]:
    """Milliseconds a trial of random search, after so many: by itself, through NasSampler, and Optuna's own sampler."""
    space = large_space()
    search = Search(space, RandomSearch(), seed=0)
    samplers = NasSampler(RandomSearch(), space, seed=0), optuna.samplers.RandomSampler(seed=0)
    studies = [optuna.create_study(direction="maximize", sampler=sampler) for sampler in samplers]
    steps = [lambda: search.tell(search.ask(), 1.0), *(partial(_step, study, space) for study in studies)]
    return tuple(_milliseconds(step, results) for step in steps)  # type: ignore[return-value]


def _step(study: optuna.Study, space: SearchSpace) -> None:
    trial = study.ask()
    suggest(trial, space)
    study.tell(trial, 1.0)


def _milliseconds(step: Callable[[], None], results: int) -> float:
    for _ in range(results):
        step()
    started = time.process_time()
    for _ in range(100):
        step()
    return 10 * (time.process_time() - started)


def main() -> None:
    """Print the median and the slowest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--results", nargs="+", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--optuna", action="store_true", help="what Optuna adds to a trial of random search, too")
    options = parser.parse_args()
    for name in options.methods:
        for results in options.results:
            times = milliseconds(results, make_strategy(*METHODS[name]), name == "memory")
            found = f"median {np.median(times):.1f} ms, slowest {times.max():.1f} ms"
            sys.stdout.write(f"{name} after {results:,} results: {found}\n")
    if options.optuna:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        alone, through, theirs = milliseconds_through_optuna(1_000)
        sys.stdout.write(f"a trial of random search after 1,000: {alone:.2f} ms, through NasSampler {through:.2f} ms; ")
        sys.stdout.write(f"Optuna's own {theirs:.2f} ms\n")


if __name__ == "__main__":
    main()
