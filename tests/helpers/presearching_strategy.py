"""A strategy that prepares itself in a few rounds, for experiments that the tests start."""

from __future__ import annotations

import time
from pathlib import Path

from nni_nasplus.search.strategy import Proposal
from nni_nasplus.strategies import RandomSearch

DONE = "careful.txt"
FOUND = {"tens": 1, "ones": 2}


class Careful(RandomSearch):
    """Finds the architecture of ones and twos; each of ``rounds`` takes ``seconds``, and ``mode`` may go wrong in one.

    A round that is done, which a line of ``careful.txt`` says, is told of again but not repeated.
    """

    def __init__(self, space, *, found=None, rounds=3, seconds=0.1, mode="", **options):
        super().__init__(space, **options)
        self.found = found

    @classmethod
    def needs_preparation(cls, run):
        return "found" not in run.settings["options"]

    @classmethod
    def prepare(cls, run, reporter=None):
        options = super().prepare(run)
        if not cls.needs_preparation(run):
            return options
        done = run.directory / DONE
        done.touch()
        for number in range(options["rounds"]):
            if str(number) not in done.read_text().split():
                exec(options.get("mode", ""), {"number": number, "run": run})
                time.sleep(options["seconds"])
                with done.open("a") as file:
                    file.write(f"{number}\n")
            reporter.intermediate({"default": float(number), "square": float(number**2)})
        return {**options, "found": FOUND}

    def _propose(self, rng):
        if self.found is not None and self.admits(self.found):
            return Proposal(self.found, "careful")
        return self._random(rng)


def install(folder: Path) -> None:
    """Make a folder that, on the path, tells of the strategy as an installed package would."""
    metadata = folder / "careful-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: careful\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[nni_nasplus.strategies]\ncareful = presearching_strategy:Careful\n")
