"""The benchmarks of one-shot searches, at toy size."""

from __future__ import annotations

import json
import sys

import event_one_shot
import event_paths
import one_shot_steps
import pytest
import torch
from event_tables import NAMES, make_events, make_labels

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_derived_encoder_stands_beside_as_many_seconds_and_nothing_is_measured_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(event_paths, "TASKS", {"credit": lambda data, seed: (make_events(seed), make_labels(), NAMES)})
    options = ["--data", str(tmp_path), "--epochs", "1", "--seeds", "1", "--methods", "gdas", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["event_one_shot", *options])
    event_one_shot.main()
    shown = capsys.readouterr().out
    table = shown[shown.index("| method") :]
    measured = tmp_path / "credit" / "measured.jsonl"
    before = measured.read_bytes()
    gdas, thompson = map(json.loads, before.splitlines())
    assert (gdas["method"], thompson["method"]) == ("gdas", "thompson")
    assert thompson["seconds"] >= gdas["seconds"] > gdas["supernet"] > 0
    assert thompson["trials"] >= 5
    assert f"| gdas | {gdas['test']:.4f} ± 0.0000 | {gdas['validation']:.4f} ± 0.0000 |" in table
    event_one_shot.main()
    assert (capsys.readouterr().out, measured.read_bytes()) == (table, before)


def test_steps_are_measured_beside_their_passes_and_nnis(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["one_shot_steps", "--channels", "4", "--batch", "4", "--times", "1"])
    one_shot_steps.main()
    rows = [line.split(" | ")[0].strip("| ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert rows[2:] == ["darts", "pc-darts", "gdas", "NNI's DARTS"]


def test_what_is_kept_for_gradients_is_counted_once():
    values = torch.ones(256, 1024, requires_grad=True)  # one MiB
    assert one_shot_steps.kept_for_gradients(lambda: values.square() + values.square()) == 1
