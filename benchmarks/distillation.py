"""What distillation changes: the same students trained with and without teachers, at equal seeds and epochs.

python benchmarks/distillation.py --data DATA [--seeds N] [--only vowels]

A seed draws the users' split, the architectures and the initial weights. Some random architectures are trained first;
the three best of them on validation users teach others, the students.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import stats

from nni_nasplus import Journal, Outcome, Proposal
from nni_nasplus.data.events import EventDataModule, japanese_vowels, prepare
from nni_nasplus.run.run import CACHE
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.trial_folder import WEIGHTS, outcome_in, trial_directory

Tables = tuple[pd.DataFrame, pd.DataFrame, dict[str, str]]
Variant = Mapping[str, Any] | None

EARLIER, STUDENTS = 6, 2
VARIANTS: dict[str, Variant] = {"none": None, "mse": {"loss": "mse"}, "kl": {"loss": "kl"}}


@dataclass(frozen=True)
class Task:
    """A dataset and how its networks are trained; ``tables`` are drawn anew for each seed."""

    title: str
    tables: Callable[[int], Tables]
    training: Mapping[str, Any]

    @property
    def objective(self) -> str:
        """The metric that ranks the teachers."""
        return self.training["objective"]


def uci_credit(source: Path, users: int, seed: int) -> Tables:
    """Six monthly events of each of ``users`` users drawn by the seed: will they default next month?"""
    sys.path.append(str(Path(__file__).parents[1] / "examples" / "events"))
    from uci_credit import long_tables

    wide = pd.read_csv(source).sample(users, random_state=seed)
    return *long_tables(wide), {"id": "ID", "time": "month", "target": "default"}


def tasks(data: Path, users: int) -> dict[str, Task]:
    """By the name of --only."""
    source = data / "events" / "uci_credit_card.csv.gz"
    uci = {"objective": "roc_auc", "epochs": 4, "batch_size": 128}
    vowels = {"objective": "accuracy", "epochs": 8, "batch_size": 32}
    return {
        "vowels": Task("Japanese Vowels", lambda seed: japanese_vowels(), vowels),
        "uci": Task(f"UCI credit, {users:,} users", lambda seed: uci_credit(source, users, seed), uci),
    }


class Lesson:
    """One seed: the earlier trials in a run directory, then the students."""

    def __init__(self, task: Task, seed: int, run: Path) -> None:
        events, labels, columns = task.tables(seed)
        self.task, self.seed, self.run = task, seed, run
        self.cache = prepare(events, labels, **columns, out=run / CACHE, seed=seed, progress=False)
        self.space = EventSequenceSpace(**EventDataModule(self.cache).shape.to_json())
        rng = np.random.default_rng(seed)
        self.architectures = [self.space.search_space.sample(rng) for _ in range(EARLIER + STUDENTS)]

    def evaluator(self, distillation: Variant = None) -> EventClassification:
        """All epochs, with and without teachers alike."""
        training = {**self.task.training, "patience": self.task.training["epochs"], "seed": self.seed}
        settings = None if distillation is None else {**distillation, "n_skip": EARLIER}
        return EventClassification(str(self.cache), **training, distillation=settings)

    def earlier(self) -> None:
        """Train the earlier trials and keep them in the run's journal."""
        evaluator = self.evaluator()
        journal = Journal.create(self.run / JOURNAL, self.space.search_space, direction=evaluator.direction)
        for architecture in self.architectures[:EARLIER]:
            folder = trial_directory(self.run, self.space.search_space.key(architecture))
            score = evaluator.evaluate(self.space, architecture, folder)[self.task.objective]
            journal.tell(journal.ask(Proposal(architecture)).number, Outcome(score=score))
        journal.close()

    def student(self, architecture: Mapping[str, Any], name: str) -> dict[str, float]:
        """The scores of a student of one variant."""
        evaluator, folder = self.evaluator(VARIANTS[name]), Path(tempfile.mkdtemp(dir=self.run))
        validation = evaluator.evaluate(self.space, architecture, folder, run=self.run)
        outcome = outcome_in(folder)
        if outcome is None or len(outcome.teachers) != (0 if name == "none" else 3):
            raise RuntimeError(f"{name}: the teachers are {outcome and outcome.teachers}")
        test = evaluator.test(self.space.trained(architecture, folder / WEIGHTS))
        measured = dict.fromkeys((self.task.objective, "loss"))
        return {
            f"{split} {m}": scores[m]
            for m in measured
            for split, scores in (("validation", validation), ("test", test))
        }

    def scores(self) -> dict[str, dict[str, float]]:
        """The students' mean scores, by variant."""
        self.earlier()
        found = {}
        for name in VARIANTS:
            students = [self.student(architecture, name) for architecture in self.architectures[EARLIER:]]
            found[name] = {metric: float(np.mean([s[metric] for s in students])) for metric in students[0]}
        return found


def interval(differences: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean and 95 % confidence interval (Student's t) over the seeds."""
    mean = float(differences.mean())
    half = float(stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences))
    return mean, mean - half, mean + half


def compare(task: Task, seeds: int) -> None:
    """Print the paired differences of each variant to training without teachers."""
    started, found = time.perf_counter(), []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            found.append(Lesson(task, seed, Path(folder)).scores())
    print(f"\n{task.title}: {seeds} seeds, {STUDENTS} students each, {task.training['epochs']} epochs")
    print(f"{'':22}{'without':>9}{'change with mse':>29}{'change with kl':>29}")
    for metric in found[0]["none"]:
        scores = {name: np.array([by_seed[name][metric] for by_seed in found]) for name in VARIANTS}
        row = f"{metric:<22}{scores['none'].mean():9.4f}"
        for name in ("mse", "kl"):
            mean, low, high = interval(scores[name] - scores["none"])
            row += f"{mean:+9.4f} [{low:+.4f}, {high:+.4f}]"
        print(row)
    print(f"{time.perf_counter() - started:,.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with events/uci_credit_card.csv.gz")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--users", type=int, default=10_000, help="UCI users drawn by each seed")
    parser.add_argument("--only", choices=["vowels", "uci"], help="one dataset")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    for name, task in tasks(arguments.data, arguments.users).items():
        if arguments.only in (None, name):
            compare(task, arguments.seeds)


if __name__ == "__main__":
    main()
