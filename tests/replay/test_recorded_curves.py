"""The curves that the benchmark of budgets searches: as recorded, and as it reads them."""

from __future__ import annotations

import numpy as np
import pytest
from budgets import measured, nbnlp, trained_on
from events_data import data_path
from record_curves import EPOCHS, RECORDED, read, recorded, write

pytest.importorskip("optuna")
every = pytest.mark.parametrize("name", RECORDED)


@every
def test_an_architecture_was_trained_once_and_has_a_score_of_each_epoch(name):
    known = trained_on(name)
    assert known.epochs == EPOCHS
    assert len(known.table.pool) == len(read(recorded(name)))
    assert ((known.scores > 0) & (known.scores <= 1)).all()
    assert (np.diff(known.scores, axis=1) >= 0).all()


@every
def test_whole_trainings_find_the_best_row_within_as_many_as_there_are(name):
    known = trained_on(name)
    epochs, *regrets = measured("random", known, 3).T
    assert (np.diff(regrets, axis=0) <= 0).all()
    assert (epochs % EPOCHS == 0).all()
    assert (epochs <= EPOCHS * len(known.table.pool)).all()
    assert (measured("random+asha", known, 3)[:, 0] >= EPOCHS).all()


def test_on_published_curves_halving_takes_less_than_half_the_epochs_of_whole_trainings():
    known = nbnlp(data_path("nas/nbnlp_wikitext2.jsonl.gz").parent)
    whole, spared = (measured(method, known, 10)[:, 0].mean() for method in ("random", "random+asha"))
    assert spared < whole / 2


def test_what_is_written_is_read_and_the_same_again(tmp_path):
    trained = [{"architecture": {"op": "a"}, "scores": [0.5, 0.75]}]
    write(tmp_path / "a.jsonl.gz", trained)
    write(tmp_path / "b.jsonl.gz", read(tmp_path / "a.jsonl.gz"))
    assert read(tmp_path / "b.jsonl.gz") == trained
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert read(tmp_path / "none.jsonl.gz") == []
