"""How long commands take that train nothing, beside ``import torch``: ``python benchmarks/command_times.py RUN``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

TORCH = "import torch"
EVENTS = "user,day,item\n1,1,apple\n1,2,pear\n2,1,pear\n"
LABELS = "user,left\n1,0\n2,1\n"


def commands(run: str, folder: Path) -> dict[str, list[str]]:
    """By name what is run, ``import torch`` first."""
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    (folder / "labels.csv").write_text(LABELS, encoding="utf-8")
    nasplus = [sys.executable, "-m", "nni_nasplus"]
    tables = ["--events", str(folder / "events.csv"), "--labels", str(folder / "labels.csv")]
    return {
        TORCH: [sys.executable, "-c", TORCH],
        "nasplus --version": [*nasplus, "--version"],
        "nasplus --help": [*nasplus, "--help"],
        "nasplus show, of a finished search": [*nasplus, "show", run],
        "nasplus search, a mistyped column": [
            *nasplus,
            "search",
            *tables,
            "--id",
            "user",
            "--time",
            "dya",
            "--target",
            "left",
        ],
        "import nni_nasplus.strategies": [sys.executable, "-c", "import nni_nasplus.strategies"],
    }


def seconds(command: list[str]) -> float:
    """The processor's time for one run: that of the clock depends on what else a machine does."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print the median of each command, and its ratio to that of ``import torch``; repeats take turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="the directory of a finished search")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked = commands(options.run, Path(folder))
        for command in asked.values():
            seconds(command)  # the first finds no file in the memory of the machine
        times = {name: [] for name in asked}
        for _ in range(options.repeats):
            for name, command in asked.items():
                times[name].append(seconds(command))
    unit = median(times[TORCH])
    for name, found in times.items():
        sys.stdout.write(f"{name}: {median(found):.2f} s of CPU, {median(found) / unit:.2f}×\n")


if __name__ == "__main__":
    main()
