"""A search whose trials take a moment and earn their digits: ``python digits_search.py RUN PORT`` goes on with it."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

if __name__ == "__main__":
    from nni_nasplus._signals import end_with_a_line

    end_with_a_line()  # as the command does, for what follows takes long to import

from nas_functions import Digits as NniDigits
from nni_server import free_port
from processes import PythonProcess

from nni_nasplus.cli import main
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import described
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.trial import Outcome
from nni_nasplus.training.evaluator import Evaluator
from nni_nasplus.training.trial_folder import write_outcome


class Digits(NniDigits, NetworkSpace):
    """A hundred models, each worth its two digits."""


@dataclass(frozen=True, kw_only=True)
class Worth(Evaluator):
    """Reports the digits after ``seconds``; ``mode`` says how a model whose tens are in ``bad`` goes wrong instead."""

    directions: ClassVar = {"worth": "maximize"}

    objective: str = "worth"
    epochs: int = 1
    seconds: float = 0.2
    bad: str = ""
    mode: str = ""

    def data(self):
        raise NotImplementedError

    def task(self, network):
        raise NotImplementedError

    def evaluate(self, space, architecture, directory, reporter=None, run=None, epochs=None):
        if str(architecture["tens"]) in self.bad:
            exec(self.mode)
        reporter.intermediate(0.0, {})
        time.sleep(self.seconds)
        worth = float(architecture["tens"] * 10 + architecture["ones"])
        write_outcome(Path(directory), Outcome(score=worth, cost=self.seconds, epochs=epochs))
        reporter.final(Outcome(score=worth))
        return {"worth": worth}


def create(
    directory: Path,
    trials: int,
    concurrency: int = 1,
    *,
    host: str = "nni",
    storage: str | None = None,
    trial_seconds: float | None = None,
    trial_mib: float | None = None,
    **worth,
) -> Run:
    """A run directory of such a search."""
    return Run.create(
        directory,
        Settings(
            strategy="evolution",
            strategy_options={"population_size": 4, "sample_size": 2},
            seed=3,
            trials=trials,
            concurrency=concurrency,
            max_failures=3,
            trial_seconds=trial_seconds,
            trial_mib=trial_mib,
            host=host,
            storage=storage,
            space={"class_path": "digits_search.Digits", "init_args": {}},
            evaluator={**described(Worth, Worth(**worth).init_args), "class_path": "digits_search.Worth"},
            objective="worth",
            direction="maximize",
        ),
    )


def going_on(run) -> subprocess.Popen:
    arguments = [__file__, run.directory, free_port()]
    return PythonProcess(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def complete(run, limit_s=280) -> str:
    """Go on to the end; the output."""
    process = going_on(run)
    out, _ = process.communicate(timeout=limit_s)
    assert process.returncode == 0, out
    return out


if __name__ == "__main__":
    from nni_nasplus.cli import running
    from nni_nasplus.cli.commands import resume

    resume.finish = running.complete
    main(["resume", sys.argv[1], "--port", sys.argv[2]])
