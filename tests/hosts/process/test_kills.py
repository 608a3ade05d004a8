"""Searches with a budget that are killed at random moments, between rungs and inside them."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from finished_runs import searched  # noqa: F401  # the package is imported before anything forks

from nni_nasplus.data.events import EventDataModule
from nni_nasplus.hosts.process import ProcessHost
from nni_nasplus.registry import described
from nni_nasplus.run.completed import completed
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.continuing import Part
from nni_nasplus.training.events import EventClassification

pytestmark = pytest.mark.slow
KILLS, EPOCHS, TRIALS = 20, 9, 6


def run_of(folder: Path, cache: Path, seed: int) -> Run:
    """A search of six architectures with rungs at 1, 3 and 9 epochs."""
    evaluator = EventClassification(str(cache), epochs=EPOCHS, batch_size=64)
    sizes = {**EventDataModule(cache).shape.to_json(), "hidden": 32}
    wanted = Settings(strategy="random", host="process", trials=TRIALS, budget="asha", seed=seed)
    return Run.create(folder, completed(wanted, described(EventSequenceSpace, sizes), evaluator))


def complete(directory: Path) -> None:
    with ProcessHost().search(Run.open(directory)) as search:
        search.wait(lambda history: None)


def forked(directory: Path) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=complete, args=(directory,))
    process.start()
    return process


def told(directory: Path) -> Counter[tuple[int, int | None]]:
    """How often each rung's result of each trial is in the journal."""
    lines = [json.loads(line) for line in (directory / "journal.jsonl").read_text().splitlines()]
    return Counter((line["number"], line.get("epochs")) for line in lines if line["event"] == "tell")


@pytest.fixture
def epochs(tmp_path, monkeypatch):
    """The epochs that were begun below a directory, whatever process trained them: folder of the trial, and number."""
    begin, log = Part.on_train_epoch_start, tmp_path / "epochs"

    def logged(self, trainer, pl_module):
        begin(self, trainer, pl_module)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{self.path.parent} {trainer.current_epoch + 1}\n")

    monkeypatch.setattr(Part, "on_train_epoch_start", logged)
    return lambda directory: Counter(line for line in log.read_text().splitlines() if line.startswith(f"{directory}/"))


def test_a_search_that_is_killed_repeats_but_the_epochs_in_flight_and_counts_every_rung_once(cache, tmp_path, epochs):
    rng, kills, seed = np.random.default_rng(0), 0, 0
    while kills < KILLS:
        whole, began = run_of(tmp_path / f"whole{seed}", cache, seed), time.monotonic()
        forked(whole.directory).join()
        took = time.monotonic() - began
        killed, here = run_of(tmp_path / f"killed{seed}", cache, seed), 0
        while (process := forked(killed.directory)).is_alive():
            process.join(rng.uniform(0.1, 0.7) * took)
            if process.exitcode is not None:
                break
            process.kill()
            process.join()
            here += 1
        kills, seed = kills + here, seed + 1
        assert process.exitcode == 0
        assert told(killed.directory) == told(whole.directory)
        assert set(told(killed.directory).values()) == {1}
        assert [t.score for t in killed.history().trials] == [t.score for t in whole.history().trials]
        begun = epochs(killed.directory)
        assert len(begun) == len(epochs(whole.directory)) == sum(epochs(whole.directory).values())
        assert sum(begun.values()) - len(begun) <= here
