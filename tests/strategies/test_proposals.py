"""What every strategy proposes, as recorded when the project had another floor plan: a change must be meant.

``python tests/strategies/test_proposals.py`` records anew, ``… SEED COUNT`` prints the first keys of one seed.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from nni_nasplus import Search, registry
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.strategy import make_strategy

RECORDED = Path(__file__).with_suffix(".json")
COUNT, FEWER = 60, 20
SEEDS = (0, 1, 2)
RANKED = {"proxy": {}, "thompson+proxy": {"proxy": "naswot"}, "tenas": {}}
PLAIN_ARITHMETIC = {
    "OPENBLAS_CORETYPE": "Prescott",
    "OPENBLAS_NUM_THREADS": "1",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
}
"""Where two candidates are as good as each other the last bit decides, and processors differ in it."""
CASES = [(name, space) for name in ("evolution", "random", "thompson", *RANKED) for space in ("nb201", "events")]


def reached(space, architecture):
    """A landscape that is neither additive nor flat; some architectures of events fail."""
    places = [
        (i, space.decisions[name].index(architecture[name]))
        for i, name in enumerate(space.decisions)
        if name in architecture
    ]
    if len(space.decisions) > 6 and space.key(architecture).endswith("f"):
        return None
    pairs = pairwise(places)
    alone = sum(math.sin(1 + 7 * i + 3 * j) for i, j in places)
    return round(alone + 0.5 * sum(math.cos(i + 5 * j + 11 * k) for (i, j), (_, k) in pairs), 6)


def ranked(space, seed):
    """Forty architectures as a proxy might rank them."""
    rng = np.random.default_rng(seed + 100)
    drawn = list({space.key(a): a for a in (space.sample(rng) for _ in range(40))}.values())
    return Ranking.of(drawn, [(reached(space, a) or 0.0) + 3 * rng.normal() for a in drawn])


def made(case, space, seed):
    name, _, _ = case.partition("+")
    ranking = ranked(space, seed) if case in RANKED else None
    if case == "tenas":
        ranking = Ranking(ranking.architectures[:1], ranking.ranks[:1])
    return Search(space, make_strategy(name, RANKED.get(case, {})), seed=seed, ranking=ranking)


def proposed(case, space, seed, count):
    """The keys of the first proposals, with one more of them in training the higher the seed."""
    search, running, keys = made(case, space, seed), [], []
    while len(keys) < count:
        running.append(search.ask())
        keys.append(space.key(running[-1].architecture))
        if len(running) > seed:
            trial = running.pop(0)
            search.tell(trial, reached(space, trial.architecture))
    return keys


def space_named(name):
    return registry.load("spaces", name)().search_space


def recorded_anew(seed, count):
    """By case and space, as a process of plain arithmetic finds it."""
    command = [sys.executable, __file__, str(seed), str(count)]
    printed = subprocess.run(command, env=os.environ | PLAIN_ARITHMETIC, check=True, capture_output=True, text=True)
    return json.loads(printed.stdout)


@pytest.mark.parametrize(
    ("seed", "count"), [(0, FEWER), *(pytest.param(seed, COUNT, marks=pytest.mark.slow) for seed in SEEDS)]
)
def test_strategies_propose_what_they_always_did(seed, count):
    found = recorded_anew(seed, count)
    recorded = json.loads(RECORDED.read_text())[str(seed)]
    assert {name: keys for name, keys in found.items() if recorded[name][:count] != keys} == {}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        seed, count = map(int, sys.argv[1:])
        found = {f"{case} {space}": proposed(case, space_named(space), seed, count) for case, space in CASES}
        sys.stdout.write(json.dumps(found, indent=1))
    else:
        RECORDED.write_text(json.dumps({seed: recorded_anew(seed, COUNT) for seed in SEEDS}, indent=1) + "\n")
