"""What Lightning says at every training reaches nobody."""

from __future__ import annotations

import logging

import pytest

from nni_nasplus.data.events import EventDataModule
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification
from nni_nasplus.training.quiet import quiet_lightning

LOGGER = logging.getLogger("pytorch_lightning.utilities.rank_zero")


@pytest.fixture
def said(caplog, monkeypatch):
    """Lightning's messages, also those for which it has a handler of its own."""
    monkeypatch.setattr(logging.getLogger("pytorch_lightning"), "propagate", True)
    caplog.set_level(logging.INFO, "pytorch_lightning")
    return caplog


def test_training_into_a_folder_again_says_nothing_and_warns_of_nothing(cache, tmp_path, said, recwarn):
    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json())
    evaluator = EventClassification(str(cache), epochs=1, batch_size=32)
    for _ in range(2):
        evaluator.evaluate(space, space.parse_genotype("21|1|||01"), tmp_path)
    assert said.records == []
    assert [str(warning.message) for warning in recwarn if "lightning" in warning.filename] == []


def test_warnings_are_still_logged_and_afterwards_all_is_as_before(said):
    with quiet_lightning():
        LOGGER.info("a tip")
        LOGGER.warning("a fault")
    LOGGER.info("afterwards")
    assert [record.getMessage() for record in said.records] == ["a fault", "afterwards"]
