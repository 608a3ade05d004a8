"""The curve of a training, as it lies in the trial's folder."""

from __future__ import annotations

import pytest

from nni_nasplus.data.events import EventDataModule
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.trial_folder import CURVE, curve_in


def trained(cache, folder, *parts):
    """Train with breaks after so many epochs of five; the metrics."""
    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json())
    evaluator = EventClassification(str(cache), epochs=5, batch_size=32, patience=None)
    for epochs in parts:
        metrics = evaluator.evaluate(space, space.parse_genotype("01|1|c||00"), folder, epochs=epochs)
    return metrics


def test_it_has_a_line_for_each_epoch_and_ends_with_the_score(cache, tmp_path):
    metrics = trained(cache, tmp_path, None)
    curve = curve_in(tmp_path)
    assert [epoch["epoch"] for epoch in curve] == [1, 2, 3, 4, 5]
    assert curve[-1]["val_roc_auc"] == pytest.approx(metrics["roc_auc"])
    assert all(epoch["train_loss"] > 0 for epoch in curve)


def test_one_that_goes_on_is_that_without_a_break(cache, tmp_path):
    trained(cache, tmp_path / "whole", 5)
    trained(cache, tmp_path / "parts", 2, 5)
    assert curve_in(tmp_path / "parts") == curve_in(tmp_path / "whole")


def test_a_training_from_the_beginning_forgets_the_one_before(cache, tmp_path):
    trained(cache, tmp_path, None)
    before = (tmp_path / CURVE).read_bytes()
    trained(cache, tmp_path, None)
    assert (tmp_path / CURVE).read_bytes() == before


@pytest.mark.parametrize("line", ["", "{", "[]", "3", '{"epoch": "x"}', '{"val_loss": 1.0}', "\x00"])
def test_what_is_damaged_is_left_out(tmp_path, line):
    (tmp_path / CURVE).write_text(f'{{"epoch": 1, "val_loss": 0.5}}\n{line}\n')
    assert curve_in(tmp_path) == [{"epoch": 1, "val_loss": 0.5}]
    assert curve_in(tmp_path / "nowhere") == []
