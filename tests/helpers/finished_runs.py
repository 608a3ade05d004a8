"""Finished searches of shopping events, as short as they get."""

from __future__ import annotations

from pathlib import Path

from shopping import COLUMNS, shopping

from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.run.run import CACHE, Run, described
from nni_nasplus.run.settings import Settings
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.trial_folder import outcome_in

__all__ = ["searched"]


def searched(directory: Path, **settings) -> Run:
    """Three architectures of eight units, an epoch each, trained in this process; no tail yet."""
    cache = prepare(*shopping(), **COLUMNS, out=directory / CACHE, progress=False)
    sizes = {
        **EventDataModule(cache).shape.to_json(),
        **EventSequenceSpace.recommended(),
        "fixed": {"hidden": 32, "width": 0},
    }
    evaluator = EventClassification(str(cache), epochs=1, batch_size=32)
    options = Settings(
        **{"strategy": "random", "trials": 3, "host": "process", "baseline_trials": 1, **settings},
        space=described(EventSequenceSpace, sizes),
        evaluator=described(EventClassification, evaluator.init_args),
        objective="roc_auc",
    )
    run = Run.create(directory, options)
    search = run.open_search()
    for _ in range(run.settings.trials):
        trial = search.ask()
        run.evaluator.evaluate(run.space, trial.architecture, run.trial_directory(trial))
        search.tell(trial, outcome_in(run.trial_directory(trial)))
    search.journal.close()
    return run
