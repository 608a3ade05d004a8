"""What a trial reports to Optuna."""

from __future__ import annotations

import pytest

from nni_nasplus.strategies import RandomSearch

optuna = pytest.importorskip("optuna")

from optuna.trial import TrialState  # noqa: E402

from nni_nasplus.hosts.optuna import NasSampler, suggest  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def test_pruners_are_honoured_and_metrics_kept(tmp_path, cache):
    from nni_nasplus.data.events import EventDataModule
    from nni_nasplus.hosts.optuna.reporter import OptunaReporter
    from nni_nasplus.spaces.events import EventSequenceSpace
    from nni_nasplus.training.events import EventClassification

    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json())
    evaluator = EventClassification(str(cache), objective="accuracy", epochs=3)

    def objective(trial):
        architecture = suggest(trial, space.search_space)
        reporter = OptunaReporter(trial)
        return evaluator.evaluate(space, architecture, tmp_path / str(trial.number), reporter)["accuracy"]

    study = optuna.create_study(direction="maximize", sampler=NasSampler(RandomSearch(), space.search_space))
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state == TrialState.COMPLETE
    assert list(study.trials[0].intermediate_values) == [1, 2, 3]
    assert study.trials[0].user_attrs["parameters"] > 0
    study.pruner = optuna.pruners.ThresholdPruner(lower=2.0)
    study.optimize(objective, n_trials=1)
    assert study.trials[1].state == TrialState.PRUNED
    assert list(study.trials[1].intermediate_values) == [1]
