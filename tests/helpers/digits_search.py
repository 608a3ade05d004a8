"""A search whose trials take a moment and earn their digits: ``python digits_search.py RUN PORT`` goes on with it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import ClassVar

from nas_functions import Digits as NniDigits
from nni_server import free_port

from nni_nasplus.cli import main
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.run.run import Run, described
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.trial_folder import write_result


class Digits(NniDigits, NetworkSpace):
    """A hundred models, each worth its two digits."""


class Worth(Evaluator):
    """Reports the digits after ``seconds``; ``mode`` says how a model whose tens are in ``bad`` goes wrong instead."""

    directions: ClassVar = {"worth": "maximize"}

    def __init__(self, seconds: float = 0.2, bad: str = "", mode: str = "") -> None:
        super().__init__(objective="worth", epochs=1, patience=1, seed=0)
        self.init_args = {"seconds": seconds, "bad": bad, "mode": mode}

    def data(self):
        raise NotImplementedError

    def task(self, network):
        raise NotImplementedError

    def evaluate(self, space, architecture, directory, reporter=None, run=None):
        if str(architecture["tens"]) in self.init_args["bad"]:
            exec(self.init_args["mode"])
        reporter.intermediate({"default": 0.0})
        time.sleep(self.init_args["seconds"])
        final = {"default": float(architecture["tens"] * 10 + architecture["ones"])}
        write_result(Path(directory), final)
        reporter.final(final)
        return {"worth": final["default"]}


def create(directory: Path, trials: int, concurrency: int = 1, limits=None, host="nni", storage=None, **worth) -> Run:
    """A run directory of such a search."""
    settings = {"strategy": "evolution", "options": {"population_size": 4, "sample_size": 2}, "seed": 3}
    settings |= {"trials": trials, "concurrency": concurrency, "max_failures": 3, "limits": limits or {}}
    settings |= {"host": host, "storage": storage}
    space = {"class_path": "digits_search.Digits", "init_args": {}}
    evaluator = {**described(Worth, Worth(**worth).init_args), "class_path": "digits_search.Worth"}
    return Run.create(directory, {"space": space, "evaluator": evaluator, **settings})


def going_on(run) -> subprocess.Popen:
    command = [sys.executable, __file__, run.directory, str(free_port())]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def complete(run, limit_s=120) -> str:
    """Go on to the end; the output."""
    process = going_on(run)
    out, _ = process.communicate(timeout=limit_s)
    assert process.returncode == 0, out
    return out


if __name__ == "__main__":
    from nni_nasplus.cli import resume, running

    resume.finish = running.complete
    main(["resume", sys.argv[1], "--port", sys.argv[2]])
