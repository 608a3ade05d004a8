"""How fast NNI starts trials: plain, preloaded, and preloaded under the patched manager.

Trials import torch and Lightning and report a number. Time is the manager's own: from the start of the first trial to
the end of the last ("all"), which includes the fork server's start, and from the end of the first trials ("steady").
NNI's manager looks for ended trials every 0.5 s, twice a trial, the patched one every 0.1 s; no trial takes less.
Last, a whole run of one such trial, from the command to its end: NNI's ``Experiment.run`` and ``nasplus resume``.

    python benchmarks/trial_start.py --trials 12
    python benchmarks/trial_start.py --memory       # only what a preloaded trial takes
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nni
import psutil
import requests
from nni.nas.nn.pytorch import ModelSpace
from torch import nn

from nni_nasplus.hosts.nni.manager import living_managers, manager_environment
from nni_nasplus.hosts.nni.preloaded import trial_interpreter

HERE = Path(__file__).parent
HELPERS = HERE.parent / "tests" / "helpers"
MIB = 2**20
HPO_TRIAL = """import pytorch_lightning
import torch
import nni
nni.report_final_result(nni.get_next_parameter()["tens"])
"""
KINDS = {
    "NasExperiment": ("nas", False, False),
    "NasExperiment, preloaded": ("nas", True, False),
    "NasExperiment, preloaded, patched manager": ("nas", True, True),
    "NasExperiment of nni_nasplus": ("ours", True, False),
    "HPO Experiment": ("hpo", False, False),
    "HPO Experiment, preloaded": ("hpo", True, False),
    "HPO Experiment, preloaded, patched manager": ("hpo", True, True),
}


class Digits(ModelSpace):
    """A hundred models."""

    def __init__(self) -> None:
        super().__init__()
        self.tens = nni.mutable.ensure_frozen(self.add_mutable(nni.choice("tens", list(range(10)))))
        self.ones = nni.mutable.ensure_frozen(self.add_mutable(nni.choice("ones", list(range(10)))))
        self.layer = nn.Linear(1, 1)


def worth(model: Digits) -> None:
    """Report the digits."""
    import pytorch_lightning  # noqa: F401

    nni.report_final_result(model.tens * 10 + model.ones)


def nas(interpreter: str) -> Any:
    """NNI's own NasExperiment with its own random strategy."""
    from nni.nas.evaluator import FunctionalEvaluator
    from nni.nas.experiment import NasExperiment
    from nni.nas.strategy import Random
    from trial_start import Digits, worth  # as trials import them

    experiment = NasExperiment(Digits(), FunctionalEvaluator(worth), Random())
    experiment.config._trial_command_params = {"python": interpreter}
    return experiment


def ours(interpreter: str) -> Any:
    """This package's NasExperiment, which preloads and patches by itself, with random search."""
    from nni.nas.evaluator import FunctionalEvaluator
    from trial_start import Digits, worth

    from nni_nasplus.hosts.nni import NasExperiment, NasStrategy
    from nni_nasplus.strategies import RandomSearch

    return NasExperiment(Digits(), FunctionalEvaluator(worth), NasStrategy(RandomSearch(), seed=0))


def hpo(interpreter: str) -> Any:
    """NNI's Experiment with its random tuner."""
    from nni.experiment import Experiment

    experiment = Experiment("local")
    Path("trial.py").write_text(HPO_TRIAL)
    experiment.config.search_space = {"tens": {"_type": "randint", "_value": [0, 1000]}}
    experiment.config.trial_command = f"{interpreter} trial.py"
    experiment.config.trial_code_directory = "."
    experiment.config.tuner.name = "Random"
    return experiment


def run_experiment(kind: str, concurrency: int, trials: int, port: int) -> None:
    """Run an experiment in the working directory, until killed."""
    host, preloaded, patched = KINDS[kind]
    experiment = {"nas": nas, "ours": ours, "hpo": hpo}[host](trial_interpreter() if preloaded else sys.executable)
    experiment.config.trial_concurrency, experiment.config.max_trial_number = concurrency, trials
    experiment.config.experiment_working_directory = Path.cwd() / "nni"
    with manager_environment() if patched else contextlib.nullcontext():
        experiment.start(port)
    time.sleep(3600)


@dataclass
class Memory:
    """The most memory, in MiB: resident, of the fork server; its own, of a trial forked from it."""

    server: float = 0.0
    trial: float = 0.0

    def __str__(self) -> str:
        return (
            f"memory: the fork server {self.server:.0f} MiB, and at most {self.trial:.0f} MiB of its own for each trial"
        )

    def look(self) -> None:
        """Look once."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if is_forked(process):
                    used = process.memory_full_info()
                    if is_forked(psutil.Process(process.ppid())):
                        self.trial = max(self.trial, used.uss / MIB)
                    else:
                        self.server = max(self.server, used.rss / MIB)


def is_forked(process: psutil.Process) -> bool:
    """Whether it is a fork server or a trial forked from one."""
    return "nni_nasplus.hosts.nni.preloaded.server" in process.cmdline()


@contextlib.contextmanager
def experiment(kind: str, concurrency: int, trials: int, port: int) -> Iterator[None]:
    """An experiment that runs while this is open."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, __file__, "--trials", str(trials), "--run", kind, str(concurrency), str(port)]
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=folder, env=environment, **quiet)
        try:
            yield
        finally:
            for manager in living_managers(Path(folder) / "nni"):
                manager.end()
            process.kill()
            process.wait()


def measure(kind: str, concurrency: int, trials: int, memory: Memory) -> tuple[float, float]:
    """Trials a second, of all trials and of those after the first."""
    from nni_server import free_port

    port, deadline = free_port(), time.monotonic() + 60 + 20 * trials
    with experiment(kind, concurrency, trials, port):
        while len(ended := records(port)) < trials:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{kind}: {len(ended)} of {trials} trials ended in time")
            memory.look()
            time.sleep(0.3)
    if any(job["status"] != "SUCCEEDED" for job in ended):
        raise RuntimeError(f"{kind}: a trial failed")
    ends = sorted(job["endTime"] / 1000 for job in ended)
    first = min(job["startTime"] / 1000 for job in ended)
    return trials / (ends[-1] - first), (trials - concurrency) / (ends[-1] - ends[concurrency - 1])


def records(port: int) -> list[dict[str, Any]]:
    """The trials that ended."""
    try:
        jobs = requests.get(f"http://127.0.0.1:{port}/api/v1/nni/trial-jobs", timeout=10).json()
    except (requests.RequestException, ValueError):
        return []
    return [job for job in jobs if isinstance(job, dict) and "endTime" in job]


def one_trial_of_nni(folder: Path) -> list[str]:
    """The command of NNI's run of one trial."""
    from nni_server import free_port

    return [sys.executable, __file__, "--one", str(free_port())]


def one_trial_of_nasplus(folder: Path) -> list[str]:
    """The command of ours."""
    from digits_search import create
    from nni_server import free_port

    run = create(folder / "run", trials=1, seconds=0)
    return [sys.executable, str(HELPERS / "digits_search.py"), str(run.directory), str(free_port())]


def run_one(port: int) -> None:
    """Run an experiment of one trial to its end, in the working directory."""
    experiment = hpo(sys.executable)
    experiment.config.trial_concurrency, experiment.config.max_trial_number = 1, 1
    experiment.config.experiment_working_directory = Path.cwd() / "nni"
    experiment.run(port)


def seconds_of(command: Callable[[Path], list[str]]) -> float:
    """The median of three runs."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HELPERS)])}
    taken = []
    for _ in range(3):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            words, started = command(Path(folder)), time.monotonic()
            subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True)
            taken.append(time.monotonic() - started)
    return statistics.median(taken)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--memory", action="store_true", help="measure memory alone")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return run_one(options.one)
    if options.run:
        return run_experiment(options.run[0], int(options.run[1]), options.trials, int(options.run[2]))
    sys.path.insert(0, str(HELPERS))
    memory, plain = Memory(), (1.0, 1.0)
    if options.memory:
        measure("HPO Experiment, preloaded", 2, 6, memory)
        return print(memory)
    print(f"{'trials a second':44} at once    all   ratio  steady  ratio")
    for concurrency in (1, 2):
        for kind, (_, preloaded, _) in KINDS.items():
            rates = measure(kind, concurrency, options.trials, memory)
            plain = plain if preloaded else rates
            cells = "  ".join(f"{rate:6.2f} {rate / base:5.1f}x" for rate, base in zip(rates, plain, strict=True))
            print(f"{kind:44} {concurrency:7} {cells}", flush=True)
    print(memory)
    nni_s, nasplus_s = seconds_of(one_trial_of_nni), seconds_of(one_trial_of_nasplus)
    print(f"a run of one trial, from the command to its end: NNI {nni_s:.1f} s, nasplus {nasplus_s:.1f} s")
    return None


if __name__ == "__main__":
    main()
