"""How long a proposal takes as the history grows, and what Optuna adds: ``python benchmarks/proposal_time.py``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import optuna

from nni_nasplus import Search, SearchSpace
from nni_nasplus.hosts.optuna import NasSampler, suggest
from nni_nasplus.search.strategy import Strategy, make_strategy
from nni_nasplus.strategies import RandomSearch, ThompsonSampling

RESULTS = (100, 1_000, 10_000)
PROPOSALS = 20


def large_space() -> SearchSpace:
    """4 layers of 7 operations with 4 widths each, and 8 switches: 1.6e8 architectures, a quarter conditional."""
    operations, heads = list("abcdefg"), [1, 2, 4, 8]
    decisions = {f"op{i}": operations for i in range(4)} | {f"heads{i}": heads for i in range(4)}
    conditions = {f"heads{i}": {f"op{i}": operations[:4]} for i in range(4)}
    return SearchSpace(decisions | {f"switch{i}": [False, True] for i in range(8)}, conditions)


def milliseconds(results: int, strategy: Strategy) -> np.ndarray:
    """The time of each proposal after so many results; float [proposals]."""
    space, rng = large_space(), np.random.default_rng(0)
    search = Search(space, strategy, seed=0)
    while len(search.history.observations) < results:
        search.learn(architecture := space.sample(rng), float(rng.normal() + 0.1 * len(architecture)))
    times = []
    for _ in range(PROPOSALS):
        started = time.perf_counter()
        trial = search.ask()
        times.append(1e3 * (time.perf_counter() - started))
        search.tell(trial, float(rng.normal()))
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
    started = time.perf_counter()
    for _ in range(100):
        step()
    return 10 * (time.perf_counter() - started)


def main() -> None:
    """Print the median and the slowest."""
    strategies = {name: ThompsonSampling(acquisition=name) for name in ("ei", "thompson")}
    for name, strategy in {**strategies, **{name: make_strategy(name, {}) for name in ("reinforce", "ppo")}}.items():
        for results in RESULTS:
            times = milliseconds(results, strategy)
            found = f"median {np.median(times):.1f} ms, slowest {times.max():.1f} ms"
            sys.stdout.write(f"{name} after {results:,} results: {found}\n")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    alone, through, theirs = milliseconds_through_optuna(1_000)
    sys.stdout.write(f"a trial of random search after 1,000: {alone:.2f} ms, through NasSampler {through:.2f} ms; ")
    sys.stdout.write(f"Optuna's own {theirs:.2f} ms\n")


if __name__ == "__main__":
    main()
