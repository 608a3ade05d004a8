"""The trial's reporter under NNI."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import nni
import requests

from nni_nasplus.errors import HostLost
from nni_nasplus.hosts.nni.results import DEFAULT
from nni_nasplus.search.trial import Outcome

__all__ = ["NniReporter"]


class NniReporter:
    """Sends metrics to the NNI manager; ``default`` is the curve and the score of the web UI."""

    @property
    def output(self) -> Path:
        """The trial's folder, where the web UI looks for TensorBoard files and ``model.onnx``."""
        return Path(os.environ["NNI_OUTPUT_DIR"])

    def intermediate(self, score: float, metrics: Mapping[str, float]) -> None:
        """Send a point of the trial's curves."""
        _send(nni.report_intermediate_result, {DEFAULT: score, **metrics})

    def final(self, outcome: Outcome) -> None:
        """Send the trial's result; of a failure NNI hears by the end of the trial's process."""
        if outcome.score is not None:
            _send(nni.report_final_result, {DEFAULT: outcome.score, **outcome.metrics})


def _send(report: Callable[[dict[str, float]], None], metrics: dict[str, float]) -> None:
    try:
        report(metrics)
    except requests.ConnectionError:
        raise HostLost("the NNI manager does not answer") from None
