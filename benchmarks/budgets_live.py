"""What does a budget save of a real search, and what does it cost in the end?

The same search of event architectures on some users of UCI credit (CC BY 4.0, Yeh 2016), without a budget and with
one, as ``nasplus search --events … --host process`` does it up to its last trial. Printed are, for each seed, the
epochs that were trained, the processor's seconds of all trials, pauses and proposals included, and the test ROC AUC of
the best trial with its 95 % bootstrap interval; for the budget also the share of the seconds, and how much higher the
test ROC AUC is than without, with the interval over the same users drawn for both.

    python benchmarks/budgets_live.py FOLDER --data DATA/events --users 2000 --trials 40 --seeds 0 1 2

DATA/events has ``uci_credit_card.csv.gz``. A search goes on where it stopped, but what it took before is not counted.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from worth_tasks import TASKS, of_some_users

from nni_nasplus.cli.tasks.events import ReadyEvents
from nni_nasplus.ensembles.resample import resample
from nni_nasplus.hosts.process import ProcessHost
from nni_nasplus.registry import described
from nni_nasplus.run.completed import completed
from nni_nasplus.run.run import CACHE, Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.training.predictions import Predictions

_DRAWS = 1000
"""Resamples of the test users."""


class Found(NamedTuple):
    """What a search took, and what its best trial says of the test users."""

    run: Run
    epochs: int
    seconds: float
    test: Predictions

    def scores(self, rows: np.ndarray) -> float:
        """The objective on some of the test users."""
        objective = self.run.settings.objective
        return self.run.evaluator.measure(self.test.rows(rows), (objective,))[objective]


def made(folder: Path, options: argparse.Namespace, seed: int, budget: str | None) -> Run:
    """A search that is to begin; users and split are the same with any budget."""
    events, labels, names = of_some_users(TASKS["credit"](options.data, seed), options.users, seed)
    task = ReadyEvents(events="", labels="", **names, ready=(events, labels))
    sizes, evaluator = task.prepare(folder / CACHE, seed, options.trials)
    wanted = Settings(strategy=options.strategy, trials=options.trials, seed=seed, host="process", budget=budget)
    return Run.create(folder, completed(wanted, described(task.space_class(), sizes), evaluator))


def found(folder: Path, options: argparse.Namespace, seed: int, budget: str | None) -> Found:
    """Search, and test the best."""
    run = Run.open(folder) if (folder / "run.json").exists() else made(folder, options, seed, budget)
    began = time.process_time()
    with ProcessHost().search(run) as search:
        search.wait(lambda history: None)
    seconds, history = time.process_time() - began, run.history()
    _, said = run.evaluator.tested(run.network(history.best[0]))
    assert said is not None
    trained = sum(len((run.trial_directory(trial) / "curve.jsonl").read_text().splitlines()) for trial in history.best)
    return Found(run, trained, seconds, said)


def interval(scores: list[float]) -> str:
    """Of resampled scores."""
    low, high = np.quantile(scores, [0.025, 0.975])
    return f"{low:.3f} to {high:.3f}"


def rows(options: argparse.Namespace, seed: int) -> list[str]:
    """Of a seed, the cells of both searches."""
    folder, rng = options.folder / str(seed), np.random.default_rng(seed)
    whole, spared = (found(folder / (budget or "whole"), options, seed, budget) for budget in (None, options.budget))
    every = np.arange(len(whole.test.labels))
    draws = [resample(whole.test.labels, rng) for _ in range(_DRAWS)]
    lines = []
    for name, one in (("whole", whole), (options.budget, spared)):
        drawn = [one.scores(some) for some in draws]
        cells = [seed, name, one.epochs, f"{one.seconds:.0f}", f"{one.scores(every):.3f}", interval(drawn)]
        lines.append(cells)
    gained = [spared.scores(some) - whole.scores(some) for some in draws]
    lines[0] += ["", "", ""]
    lines[1] += [f"{spared.seconds / whole.seconds:.2f}", f"{spared.scores(every) - whole.scores(every):+.3f}"]
    lines[1].append(interval(gained))
    return [f"| {' | '.join(map(str, cells))} |" for cells in lines]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the searches are kept")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the table")
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--strategy", default="thompson")
    parser.add_argument("--budget", default="asha")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)
    heads = ["seed", "budget", "epochs", "s of CPU", "test", "95 %", "share", "higher by", "95 %"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}", flush=True)
    for seed in options.seeds:
        print("\n".join(rows(options, seed)), flush=True)


if __name__ == "__main__":
    main()
