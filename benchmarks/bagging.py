"""Is bagging over folds worth it on few users? What finished searches ship, beside the same candidates bagged.

python benchmarks/bagging.py RUN [RUN ...] [--folds 5] [--best 3]

The searches are finished ones with --folds 0. Each is copied beside itself, to RUN-bagged, which goes on where it
stopped. Printed are the test scores of the ensemble that was selected on validation users, of that refit, and of what
is bagged.
"""

from __future__ import annotations

import argparse
import math
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Column, Table

from nni_nasplus.run.run import Run
from nni_nasplus.tail.bagging import bagged
from nni_nasplus.tail.baselines import tuned_baselines
from nni_nasplus.tail.budget import Budget
from nni_nasplus.tail.contender import Contender, trial_contender
from nni_nasplus.tail.ensemble import joined
from nni_nasplus.tail.refitted import refit
from nni_nasplus.tail.tail import tunable
from nni_nasplus.tail.tested import tested
from nni_nasplus.tail.workers import Workers


def candidates(run: Run, best: int) -> list[Contender]:
    """The best trials, and what stands beside them."""
    trials = [trial_contender(run, trial) for trial in run.history().best[:best]]
    spaces = tunable(run, trials[0].network())
    found = tuned_baselines(run, spaces, run.settings.baseline_trials, Budget(math.inf), Workers(run))
    return [*trials, *(trainings[0] for trainings in found.values())]


def rows(run: Run, folds: int, best: int) -> list[tuple[str, float, dict[str, Any]]]:
    """What is shipped: its name, the score that selected it, and its test score with its interval."""
    objective, selected = run.settings.objective, run.selected()
    assert selected is not None
    again = run.selected(refit(run))
    assert again is not None
    score = selected["metrics"][objective]
    found = [("selected on validation users", score, selected["test"]), ("… refit", score, again["test"])]
    members = bagged(run, candidates(run, best), folds, Budget(math.inf), Workers(run))
    for name, chosen in (("winner alone, bagged", members[:1]), (f"bagged over {folds} folds", members)):
        one = joined(run, chosen)
        assert one is not None
        found.append((name, one.metrics[objective], tested(run, one.network()).to_json(objective)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--best", type=int, default=3, help="how many architectures are candidates")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)
    figures = [Column(name, no_wrap=True) for name in ("selected by", "test", "95% of test")]
    table = Table("search", "ensemble", *figures)
    for path in arguments.runs:
        copy = path.with_name(f"{path.name}-bagged")
        if not copy.exists():
            shutil.copytree(path, copy)
        for name, score, test in rows(Run.open(copy), arguments.folds, arguments.best):
            low_high = "–".join(f"{end:.3f}" for end in test["interval"])
            table.add_row(str(path), name, f"{score:.4f}", f"{test['test']:.4f}", low_high)
    Console(file=sys.stdout, width=140).print(table)


if __name__ == "__main__":
    main()
