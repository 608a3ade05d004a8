"""Two real searches in a row: what a second one saves that learns from the first.

python benchmarks/searches_in_a_row.py FOLDER --data DATA [--first credit] [--second billing] [--seeds 0 1 2 3 4]

For each seed FOLDER has the first search and two of the second task on the same split: `cold`, and `warm`, which learns
from the first. A search that was interrupted goes on where it stopped, and one that is finished is read. What is shown
is the validation score of the best network by the number of trainings, and how many more the cold search needs to come
as far as the warm one with half of its own.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from worth_tasks import TASKS

from nni_nasplus.cli.commands.search import search
from nni_nasplus.cli.running import finish
from nni_nasplus.cli.tasks.events import ReadyEvents
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings

_TAIL = 0.01
"""Minutes: what follows the last trial is no part of what is compared."""
_LOOKS = (1, 2, 3, 5, 10, 15, 20, 50)
_KINDS = ("cold", "warm")


def searched(out: Path, task: str, seed: int, options: argparse.Namespace, learn_from: Path | None) -> Run:
    """A search of a task, from the beginning or from where it stopped; hardly anything follows its last trial."""
    if (out / "run.json").exists():
        finish(Run.open(out))
        return Run.open(out)
    events, labels, names = TASKS[task](options.data, seed)
    data = ReadyEvents(events="", labels="", **names, ready=(events, labels), epochs=options.epochs)
    settings = Settings(
        trials=options.trials,
        seed=seed,
        host="process",
        learn_from=None if learn_from is None else [str(learn_from)],
        baseline_trials=1,
        tail_minutes=_TAIL,
        folds=0,
    )
    run = search(data, settings, str(out))
    assert run is not None
    return run


def best_so_far(run: Run) -> np.ndarray:
    """The best utility after each trial, higher for better; float [trials]."""
    history = run.history()
    sign = 1.0 if history.direction == "maximize" else -1.0
    scores = [-np.inf if score is None else sign * score for score in history.scores]
    return np.maximum.accumulate(scores)


def needed(reached: np.ndarray, level: float) -> int:
    """Trainings until a level is reached; one more than there are where it never is."""
    above = np.flatnonzero(reached >= level)
    return int(above[0]) + 1 if len(above) else len(reached) + 1


def show(found: dict[str, list[np.ndarray]], console: Console) -> None:
    """Print the mean best score by trainings, the difference of both in pairs, and the trainings that were saved."""
    cold, warm = (np.array(found[kind]) for kind in _KINDS)
    table = Table("trainings", *_KINDS, "warm − cold, mean (least to most)", title=f"{len(cold)} seeds")
    for look in [look for look in _LOOKS if look <= cold.shape[1]]:
        ahead = warm[:, look - 1] - cold[:, look - 1]
        means = [f"{one[:, look - 1].mean():.4f}" for one in (cold, warm)]
        table.add_row(str(look), *means, f"{ahead.mean():+.4f} ({ahead.min():+.4f} to {ahead.max():+.4f})")
    console.print(table)
    half = max(1, cold.shape[1] // 2)
    saved = [
        needed(one, other[half - 1]) - needed(other, other[half - 1]) for one, other in zip(cold, warm, strict=True)
    ]
    console.print(f"trainings saved on the way to what the warm search has after {half}: {saved}")


def main() -> None:
    """Run what is missing of every seed, then print what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the event tables")
    parser.add_argument("--first", choices=list(TASKS), default="credit")
    parser.add_argument("--second", choices=list(TASKS), default="billing")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--trials", type=int, default=20, help="of each of the three searches")
    parser.add_argument("--epochs", type=int, help="the most passes over the training users")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in _KINDS}
    for seed in options.seeds:
        folder = options.folder / str(seed)
        first = searched(folder / "first", options.first, seed, options, None)
        for kind, learn_from in zip(_KINDS, (None, first.directory), strict=True):
            found[kind].append(best_so_far(searched(folder / kind, options.second, seed, options, learn_from)))
    show(found, Console(file=sys.stdout, width=120))


if __name__ == "__main__":
    main()
