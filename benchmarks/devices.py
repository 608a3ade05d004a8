"""Networks for a device: the score that each method has to offer within four budgets of measured latency.

    python benchmarks/devices.py FOLDER --data DATA --task credit --users 800 --epochs 3 --trials 12
    python benchmarks/devices.py FOLDER --data DATA --task fashion --runtime onnxruntime --methods bignas random uniform

DATA has the folders ``events``, whose tasks are those of ``worth.py``, and ``images``. Budgets are quantiles of the
latencies of random networks of the space, measured once in FOLDER. Within each, a method answers with the network that
validates best: of what it trained, or of what its supernet has; shown are its test score and its latency.

- ``bignas``, ``attentivenas``: one supernet, and a pick for each budget, which is not trained again;
- ``proxyless``, ``fbnet``: a search for each budget (images);
- ``thompson``: one search of ``--trials`` with two objectives, the score and the latency;
- ``random``: a fifth of ``--trials`` under each budget, and a fifth without one;
- ``uniform``: plain GRUs of growing width, or the blocks of MobileNetV2 with a width multiplier, each trained.

Of the picks the exported ONNX is timed too, for how far onnxruntime is from the latency that the pick states. A search
that was interrupted goes on where it stopped, and one that is finished is read.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean

import torch
from devices_methods import METHODS, Answers, Bench, Found, kept
from rich.console import Console
from rich.table import Table
from worth_tasks import TASKS


def answers(bench: Bench, method: str) -> Answers:
    """A method's, found now or before."""
    found = kept(bench.folder / f"{method}.json", lambda: [one and asdict(one) for one in METHODS[method](bench)])
    return [one and Found(**one) for one in found]


def show(budgets: Sequence[float], found: dict[str, list[Answers]], console: Console) -> None:
    """Print by method and budget the mean test score and latency over seeds, then how long the ONNX of picks takes."""
    seeds = max(len(runs) for runs in found.values())
    table = Table("method", *(f"{budget:.3g} ms" for budget in budgets), title=f"test score (ms), {seeds} seeds")
    for method, runs in found.items():
        table.add_row(method, *(_cell([run[number] for run in runs]) for number in range(len(budgets))))
    console.print(table)
    picks = [one for runs in found.values() for run in runs for one in run if one and one.stated and one.onnx]
    for one in picks:
        console.print(f"pick states {one.stated:.3g} ms; measured again {one.ms:.3g}, ONNX {one.onnx:.3g}")


def _cell(found: Sequence[Found | None]) -> str:
    known = [one for one in found if one is not None]
    return f"{mean(one.test for one in known):.3f} ({mean(one.ms for one in known):.3g})" if known else "none"


def main() -> None:
    """Search what is missing, then print what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data")
    parser.add_argument("--task", choices=["fashion", *TASKS], default="credit")
    parser.add_argument("--users", type=int, default=0, help="users of all splits; 0 for all")
    parser.add_argument("--epochs", type=int, help="of every training alone")
    parser.add_argument("--trials", type=int, default=20, help="trainings of a search")
    parser.add_argument("--supernet", type=json.loads, default={}, help='of bignas and such, as {"epochs": 20}')
    parser.add_argument("--samples", type=int, default=40, help="networks that are scored for a pick")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--runtime", choices=["torch", "onnxruntime"], default="torch", help="what is timed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", UserWarning)
    benches = [Bench(options, seed) for seed in options.seeds]
    found = {method: [answers(bench, method) for bench in benches] for method in options.methods}
    show(benches[0].budgets, found, Console(file=sys.stdout, width=120))


if __name__ == "__main__":
    main()
