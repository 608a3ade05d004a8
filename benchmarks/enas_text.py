"""ENAS on a text: the cell that it derives beside random cells of its space, and how fast its shared cell trains.

    python benchmarks/enas_text.py --text tinyshakespeare.txt

Sizes are those of ``nasplus search --text --scale small``. For each seed ENAS trains a shared cell and derives one,
which is then trained from scratch as random cells are, by the same evaluator, for as many epochs. Trainings and the
checkpoint of the shared cell are folders of ``--out``, so what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timed import seconds_of

from nni_nasplus import registry
from nni_nasplus.data.text import prepare_text
from nni_nasplus.errors import TrialFailed
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.one_shot.mixture import one_path
from nni_nasplus.search.space import Architecture
from nni_nasplus.spaces.recurrent import EnasRecurrentSpace
from nni_nasplus.training.language import LanguageModelling
from nni_nasplus.training.trial_folder import WEIGHTS, outcome_in

_SMALL: dict[str, Any] = {"batch_size": 32, "bptt": 35, "learning_rate": 5e-3}
_VOCABULARY, _HIDDEN = 2000, 64
_BATCHES = 5
"""That are timed."""


def prepared(options: argparse.Namespace) -> tuple[EnasRecurrentSpace, LanguageModelling]:
    """The space, and what trains and scores on the text."""
    cache = options.out / "data"
    if not cache.exists():
        prepare_text(options.text, out=cache, vocabulary=_VOCABULARY, progress=False)
    evaluator = LanguageModelling(str(cache), epochs=options.epochs, **_SMALL)
    return EnasRecurrentSpace(len(evaluator.preprocessing()), hidden=_HIDDEN), evaluator


def cell_of(search: Any, folder: Path) -> Architecture:
    """The cell that a search derives; its seconds of CPU are printed."""
    started = time.process_time()
    found: Architecture = fit(search, folder).architectures[0]
    print(f"shared cell: {time.process_time() - started:.0f} s of CPU since it was interrupted, if it was", flush=True)
    return found


def perplexity(
    space: EnasRecurrentSpace, evaluator: LanguageModelling, cell: Architecture, seed: int, out: Path
) -> tuple[float, float]:
    """On the validation and the test text, of a cell alone, trained once; infinite where it diverges."""
    folder = out / "trials" / f"{space.search_space.key(cell)}-{seed}"
    if (outcome := outcome_in(folder)) is None:
        with contextlib.suppress(TrialFailed):
            replace(evaluator, seed=seed).evaluate(space, cell, folder)
        outcome = outcome_in(folder)
    if outcome is None or outcome.score is None:
        return math.inf, math.inf
    network = space.trained(cell, folder / WEIGHTS)
    return evaluator.validated(network)["perplexity"], evaluator.test(network)["perplexity"]


def time_cells(search: Any, space: EnasRecurrentSpace, evaluator: LanguageModelling, cells: list[Architecture]) -> None:
    """Print the tokens a second of steps of the shared cell, by paths, and of the same cells alone."""
    batches = [batch for batch, _ in zip(search.loaders[0], range(_BATCHES), strict=False)]
    tokens = sum(batch.targets.numel() for batch in batches) / len(batches)
    weights = list(search.supernet.parameters())
    shared, alone = [], []
    for cell, batch in zip(cells, batches, strict=False):
        mixture = one_path(search.supernet, cell)
        shared.append(seconds_of(_step(weights, lambda b=batch, m=mixture: search.loss(b, m))))
        network = space.build(cell)
        task = evaluator.task(network)
        task.log = task.log_dict = lambda *_, **__: None
        alone.append(seconds_of(_step(list(network.parameters()), lambda b=batch, t=task: t.training_step(b, 0))))
    for title, seconds in (("of the shared cell", shared), ("alone", alone)):
        print(f"tokens a second of one core, {title}: {tokens / statistics.mean(seconds):,.0f}")


def _step(weights: list[Any], loss: Callable[[], Any]) -> Callable[[], None]:
    optimizer = torch.optim.SGD(weights, 0.0)

    def step() -> None:
        loss().backward()
        torch.nn.utils.clip_grad_norm_(weights, 0.25)
        optimizer.step()
        optimizer.zero_grad()

    return step


def measured(options: argparse.Namespace, seed: int) -> None:
    """Print the rows of a seed."""
    space, evaluator = prepared(options)
    training = {"epochs": options.supernet_epochs, "steps": options.steps, "paths": options.paths}
    search = made(registry.load("one_shot", "enas"), space, evaluator, seed=seed, **training)
    derived = cell_of(search, options.out / f"enas-{seed}")
    rng = np.random.default_rng(seed)
    others = [space.search_space.sample(rng) for _ in range(options.random)]
    print(f"| seed {seed} | validation | test |\n|---|---|---|")
    rows = [perplexity(space, evaluator, cell, seed, options.out) for cell in (derived, *others)]
    for title, row in zip(["derived by ENAS", *(f"random {i}" for i in range(1, len(rows)))], rows, strict=True):
        print(f"| {title} | {row[0]:.1f} | {row[1]:.1f} |")
    for title, column in zip(("validation", "test"), zip(*rows, strict=True), strict=True):
        better = sum(column[0] < other for other in column[1:])
        print(f"{title}: ahead of {better} of {len(others)}, whose mean is {statistics.mean(column[1:]):.1f}")
    time_cells(search, space, evaluator, others)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, seed by seed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--text", type=Path, required=True, help="a plain text")
    parser.add_argument("--epochs", type=int, default=3, help="of a cell alone")
    parser.add_argument("--supernet-epochs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=50, help="of the controller after each epoch")
    parser.add_argument("--paths", type=int, default=4, help="in a step of the controller")
    parser.add_argument("--random", type=int, default=5, help="random cells")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("build/enas_text"))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for seed in range(options.seeds):
        measured(options, seed)


if __name__ == "__main__":
    main()
