"""What the sections of a report read: a run, its trials, and what ``report.json`` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nni_nasplus._files import damage_named, read_json
from nni_nasplus.errors import UserError
from nni_nasplus.run.run import Run
from nni_nasplus.search.history import History
from nni_nasplus.search.trial import Trial

__all__ = ["REPORT", "Findings", "again", "figure", "gives_pictures", "tau_interval"]

REPORT = "report.json"
"""The file in a run directory that a search which has ended leaves."""


@dataclass(frozen=True)
class Findings:
    """A run as it is now.

    Parameters
    ----------
    run
        The directory.
    history
        Its trials.
    result
        What ``report.json`` holds; None where the search has not ended.
    """

    run: Run
    history: History
    result: Mapping[str, Any] | None

    @classmethod
    def of(cls, run: Run) -> Findings:
        """Read them.

        Raises
        ------
        UserError
            If nothing was proposed yet, or a file is damaged.
        """
        path = run.directory / REPORT
        result = read_json(path, again(run)) if path.is_file() else None
        return cls(run, run.history(), result)

    @property
    def objective(self) -> str:
        """What scores are."""
        return self.run.settings.objective

    @property
    def sign(self) -> int:
        """What a score is multiplied by to make higher better."""
        return 1 if self.history.direction == "maximize" else -1

    @property
    def failed(self) -> list[Trial]:
        """The trials that failed, by number."""
        return [trial for trial in self.history.finished if trial.status == "failed"]

    @property
    def winner(self) -> Trial | None:
        """The trial that the search names its winner; the best so far where it names none, and None without any."""
        number = None if self.result is None else self.result.get("winner")
        if isinstance(number, int) and 0 <= number < len(self.history.trials):
            return self.history.trials[number]
        return next(iter(self.history.best), None)

    def folder(self, trial: Trial) -> Path:
        """Where a trial left its weights and its curve."""
        return self.run.trial_directory(trial)

    def genotype(self, trial: Trial) -> str:
        """Its architecture in the notation of the space: as kept at the end of a search, else by the space itself.

        Raises
        ------
        UserError
            If what was kept is damaged.
        """
        with damage_named(self.run.directory / REPORT, again(self.run)):
            kept: str | None = (self.result or {}).get("genotypes", {}).get(str(trial.number))
        return self.run.space.genotype(trial.architecture) if kept is None else kept


def again(run: Run) -> str:
    """What to do about a damaged result."""
    return f"remove it, and have it made again by: nasplus resume {run.directory}"


def tau_interval(found: Mapping[str, float]) -> str:
    """The 95 % interval of Kendall's τ of a predictor as the result keeps it; a dash where it was not kept."""
    if "margin" not in found:
        return "–"
    ends = (max(-1.0, found["kendall"] - found["margin"]), min(1.0, found["kendall"] + found["margin"]))
    return " to ".join(f"{end:.2f}" for end in ends)


def gives_pictures(findings: Findings) -> bool:
    """Whether what networks answer are pictures."""
    try:
        return findings.run.evaluator.preprocessing().gives_pictures
    except UserError:
        return False


def figure(value: float | None) -> str:
    """A score as the terminal prints it; a dash for none."""
    return "–" if value is None else f"{value:.4f}"
