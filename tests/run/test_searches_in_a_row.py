"""The benchmark of two searches in a row, at toy size."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import searches_in_a_row
from event_tables import NAMES, make_events, make_labels

from nni_nasplus.run.run import Run
from nni_nasplus.search.journal import JOURNAL


def test_what_is_needed_to_reach_a_level_is_counted_from_one_and_is_one_more_where_it_never_is():
    reached = np.array([0.1, 0.4, 0.4, 0.7])
    assert [searches_in_a_row.needed(reached, level) for level in (0.0, 0.4, 0.7, 0.8)] == [1, 2, 4, 5]


@pytest.mark.slow
def test_the_second_learns_from_the_first_and_nothing_is_trained_twice(tmp_path, monkeypatch, capsys):
    def drawn(data, seed):
        return make_events(seed), make_labels(), NAMES

    monkeypatch.setattr(searches_in_a_row, "TASKS", {"credit": drawn, "billing": drawn})
    options = ["--data", str(tmp_path), "--seeds", "0", "--trials", "6", "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", ["searches_in_a_row", str(tmp_path / "rows"), *options])
    searches_in_a_row.main()
    shown = capsys.readouterr().out
    assert "learned from" in shown
    assert "trainings saved" in shown
    cold, warm = (Run.open(tmp_path / "rows" / "0" / kind) for kind in ("cold", "warm"))
    assert [run.settings.learn_from is not None for run in (cold, warm)] == [False, True]
    assert [(run.directory / "memory.json").is_file() for run in (cold, warm)] == [False, True]
    journals = [(run.directory / JOURNAL).read_bytes() for run in (cold, warm)]
    searches_in_a_row.main()
    assert [(run.directory / JOURNAL).read_bytes() for run in (cold, warm)] == journals
