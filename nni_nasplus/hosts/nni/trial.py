"""A trial of an NNI experiment: ``python -m nni_nasplus.hosts.nni.trial RUN``, or :func:`run_trial` in a script."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nni_nasplus.evaluator import Evaluator
from nni_nasplus.hosts.nni.pairing import take_own_parameters
from nni_nasplus.hosts.nni.reporter import NniReporter
from nni_nasplus.model_space import SearchableSpace
from nni_nasplus.run import Run
from nni_nasplus.run_files import nni_run_directory
from nni_nasplus.trial_files import trial_directory, write_failure

__all__ = ["run_trial", "train_and_report"]


def run_trial(space: SearchableSpace, evaluator: Evaluator, run: str | Path | None = None) -> dict[str, float]:
    """Train the architecture that the tuner proposed for this trial, and report it.

    Parameters
    ----------
    run
        Where the trial's weights, or the reason of its failure, are kept; by default ``nasplus/`` in the
        experiment's folder.

    Returns
    -------
    The metrics reported.
    """
    architecture = take_own_parameters()
    run = run or nni_run_directory(Path(os.environ["NNI_OUTPUT_DIR"]))
    directory = trial_directory(run, space.search_space.key(architecture))
    return train_and_report(space, evaluator, architecture, directory)


def train_and_report(
    space: SearchableSpace, evaluator: Evaluator, architecture: Mapping[str, Any], directory: Path
) -> dict[str, float]:
    """Train one architecture under NNI; a failure leaves its reason in ``directory``."""
    try:
        return evaluator.evaluate(space, architecture, directory, NniReporter())
    except Exception as error:
        write_failure(directory, error)
        raise


def main() -> None:
    """Run a trial of the run directory named on the command line."""
    run = Run.open(sys.argv[1])
    torch.set_num_threads(run.settings["threads"])
    run_trial(run.space, run.evaluator, run.directory)


if __name__ == "__main__":
    main()
