"""``nasplus search`` and what is done with its result, as a user meets it."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from nasplus_command import NASPLUS, asking, nasplus, refused
from processes import run_python
from shopping import shopping

from nni_nasplus import UserError
from nni_nasplus.data.events import EventDataModule
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run


@pytest.fixture(scope="module")
def found(tables, tmp_path_factory):
    """A finished search: its directory and what it printed."""
    out = tmp_path_factory.mktemp("found") / "run"
    done = nasplus(*asking(tables, out, host="process", port=None))
    assert done.returncode == 0, done.stderr
    return out, done


def require_the_table(done):
    assert "4/4" in done.stderr
    for word in ("winner", "GRU", "LSTM", "random search, best of 4", "roc_auc of what was found"):
        assert word in done.stdout


@pytest.mark.system
@pytest.mark.nni
def test_a_search_in_the_web_ui_of_nni(tables, tmp_path):
    done = nasplus(*asking(tables, tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert re.search(r"web UI: http://127\.0\.0\.1:\d+", done.stderr)
    require_the_table(done)


class TestSearch:
    def test_it_prints_the_winner_beside_the_baselines(self, found):
        require_the_table(found[1])

    def test_it_prints_every_figure_whole_on_a_narrow_terminal(self, found):
        result = json.loads((found[0] / "report.json").read_text())
        for row in result["rows"]:
            assert f"{row['test']['roc_auc']:.4f}" in found[1].stdout
            assert "–".join(f"{end:.4f}" for end in row["interval"]) in found[1].stdout

    def test_it_cuts_no_notation_on_a_narrow_terminal(self, found):
        assert "…" not in found[1].stdout

    def test_the_journal_has_every_trial_and_each_earns_its_score_again(self, found, tmp_path):
        run = Run.open(found[0])
        done = run.history().best
        assert len(done) == 4
        for trial in done[:2]:
            again = run.evaluator.evaluate(run.space, trial.architecture, tmp_path / str(trial.number))
            assert again["roc_auc"] == pytest.approx(trial.score, abs=1e-6)

    def test_the_result_is_that_of_the_untouched_test_users(self, found):
        run = Run.open(found[0])
        result = json.loads((found[0] / "report.json").read_text())
        rows = {row["name"].partition(" of")[0]: row for row in result["rows"]}
        for what in ("ensemble", "winner", "GRU"):
            tested = run.evaluator.test(Model.of(run, what=what).network)
            assert rows[what]["test"]["roc_auc"] == pytest.approx(tested["roc_auc"], abs=1e-6)
        assert result["genotype"] == run.space.genotype(run.history().trials[result["winner"]].architecture)

    def test_show(self, found):
        done = nasplus("show", found[0])
        assert done.returncode == 0
        assert "4 trials, 0 failed" in done.stdout
        assert "winner" in done.stdout

    def test_export_then_predict_on_another_machine(self, found, tables, tmp_path):
        out = tmp_path / "exported"
        assert nasplus("export", found[0], "--to", out, "--single", "--onnx").returncode == 0
        names = {path.name for path in out.iterdir()}
        assert names == {
            "README.md",
            "architecture.json",
            "architecture.svg",
            "model.onnx",
            "model.safetensors",
            "preprocessing.json",
        }
        assert (out / "architecture.svg").read_text().count("<svg") == 1
        assert {path.stat().st_mode for path in out.iterdir()} == {(out / "README.md").stat().st_mode}
        moved = Path(shutil.move(out, tmp_path / "moved"))
        done = nasplus("predict", moved, "--events", tables / "events.csv", "--to", tmp_path / "p.csv")
        assert done.returncode == 0
        table = pd.read_csv(tmp_path / "p.csv")
        assert list(table.columns) == ["user", "p_no", "p_yes"]
        assert table["user"].nunique() == len(table) == 120
        np.testing.assert_allclose(table[["p_no", "p_yes"]].sum(axis=1), 1, atol=1e-5)
        printed = nasplus("predict", moved, "--events", tables / "events.csv").stdout
        assert printed.splitlines()[0] == "user,p_no,p_yes"
        assert "reads events; name them with --events" in nasplus("predict", moved, "--text", "a.txt").stderr

    def test_a_reloaded_network_gives_the_logits_it_was_tested_with(self, found, tables, tmp_path):
        run = Run.open(found[0])
        Model.of(run).save(tmp_path / "exported")
        again = Model.load(tmp_path / "exported")
        ids, logits = again.preprocessing.logits(again.network, tables / "events.csv")
        order = {user: i for i, user in enumerate(ids)}
        data = EventDataModule(run.cache)
        network = Model.of(run).network
        users = data.arrays.ids
        for batch in data.test_dataloader():
            with torch.inference_mode():
                expected = network(batch)
            places = [order[users[row]] for row in batch.row.tolist()]
            np.testing.assert_allclose(logits[places], expected.numpy(), atol=1e-6)

    def test_a_file_from_elsewhere_cannot_name_what_is_called(self, found, tmp_path):
        Model.of(Run.open(found[0])).save(tmp_path / "exported")
        path = tmp_path / "exported" / "architecture.json"
        content = json.loads(path.read_text())
        for name in ("os.system", "subprocess.Popen", "no.such.Space", "nospace"):
            content["members"][0]["space"] = {"class_path": name, "init_args": {}}
            path.write_text(json.dumps(content))
            with pytest.raises(UserError, match=f"'{name}' is no installed NetworkSpace"):
                Model.load(tmp_path / "exported")
            path.write_text(json.dumps({**content, "preprocessing": name}))
            with pytest.raises(UserError, match=f"'{name}' is no installed Preprocessing"):
                Model.load(tmp_path / "exported")

    def test_a_second_search_in_the_same_directory_is_refused(self, found, tables):
        before = (found[0] / "journal.jsonl").read_bytes()
        done = nasplus(*asking(tables, found[0]))
        assert done.returncode == 2
        assert "already holds a search" in done.stderr
        assert (found[0] / "journal.jsonl").read_bytes() == before

    def test_export_into_a_directory_with_files_is_refused(self, found, tmp_path):
        (tmp_path / "mine.txt").write_text("keep")
        done = nasplus("export", found[0], "--to", tmp_path)
        assert (done.returncode, list(tmp_path.iterdir())) == (2, [tmp_path / "mine.txt"])

    def test_when_every_trial_fails_the_reason_is_the_error(self, tables, tmp_path):
        ask = asking(tables, tmp_path / "run", trials=2, learning_rate=1e30, host="process", port=None)
        done = run_python([*NASPLUS, *ask])
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("nasplus: error: no trial succeeded: TrialFailed: loss is nan")
        shown = nasplus("show", tmp_path / "run")
        assert "2 trials, 2 failed" in shown.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"events": "nowhere.csv"}, "nowhere.csv"),
        ({"id": "usr"}, "usr"),
        ({"time": "when"}, "when"),
        ({"target": "class"}, "class"),
        (
            {"strategy": "magic"},
            "unknown strategy 'magic'; available: bohb, evolution, nsga2, one_shot, ppo, proxy, random",
        ),
        ({"space": "magic"}, "unknown space 'magic'; available: boosting, darts, darts-rnn, densenas, enas-rnn"),
        ({"objective": "auc"}, "unknown objective 'auc'"),
        ({"fix": "pooling"}, "--fix is 'pooling'; write a decision and its choice, as in --fix learning_rate=0.003"),
        ({"fix": "pooling=all"}, "decision 'pooling' cannot be 'all'; allowed: mean, max, mixed, last, attention"),
        ({"fix": "depth=3"}, "unknown decision 'depth'; decisions: stem_kernel"),
        ({"space": "boosting", "hidden": 8}, "--hidden has no effect on space 'boosting'; leave it out"),
        ({"hidden": 8, "fix": "hidden=16"}, "--hidden and --fix both hold hidden; leave one of them out"),
        ({"dropout": 0.9}, "dropout is 0.9; use 0 to 0.5"),
        ({"width": 2}, "width is 2; use 0, or 3 or more"),
        ({"fix": "hidden=abc"}, "hidden is 'abc'; use a whole number from 1 on"),
        ({"fix": "learning_rate=fast"}, "learning_rate is 'fast'; use more than 0"),
        ({"fix": "clock=sun"}, "clock is 'sun'; use time or gaps"),
        ({"space": "boosting", "cells": "[lstm]"}, "--cells has no effect on space 'boosting'; leave it out"),
        ({"tail-minutes": 0}, "--tail_minutes is 0.0; use more than 0"),
        ({"minutes": 0}, "--minutes is 0; use more than 0, or leave it out for no limit"),
        ({"minutes": ".inf"}, "--minutes is inf; use more than 0"),
        ({"folds": 1}, "--folds is 1; use 2 or more, 0 for none, or auto"),
        ({"baseline-trials": 0}, "--baseline_trials is 0; use 1 or more"),
        ({"cells": "[lstn]"}, "unknown cell 'lstn'; choose one of"),
        ({"trials": 0}, "--trials is 0; use 1 or more"),
        ({"trials": "many"}, "trials"),
        ({"epochs": 0}, "--epochs is 0"),
        ({"budget": 3}, "budget"),
        ({"seed": -1}, "seed is -1; use 0 or more"),
        ({"strategy_options.size": 3}, "'evolution' has no option 'size'; its options: population_size"),
        ({"strategy_options.population_size": 2}, "sample_size is 3 and population_size 2"),
    ],
)
def test_bad_search_options_are_one_line_and_write_nothing(capsys, tables, tmp_path, changes, message):
    assert message in refused(capsys, *asking(tables, tmp_path / "run", **changes))
    assert not (tmp_path / "run" / "run.json").exists()
    assert not (tmp_path / "run" / "data").exists()


def test_labels_without_events_are_named_with_the_remedy(capsys, tables, tmp_path):
    _, labels = shopping()
    extra = pd.concat([labels, pd.DataFrame({"user": [999], "loyal": ["no"]})])
    extra.to_csv(tmp_path / "labels.csv", index=False)
    line = refused(capsys, *asking(tables, tmp_path / "run", labels=tmp_path / "labels.csv"))
    assert "999" in line
    assert "--drop-unmatched" in line


def test_a_port_in_use_is_named_before_anything_is_prepared(capsys, tables, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused(capsys, *asking(tables, tmp_path / "run", port=port))
    assert f"port {port} is in use; name another with --port" in line
    assert not (tmp_path / "run").exists()


def test_a_directory_with_other_files_is_left_alone(capsys, tables, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    assert "is not empty" in refused(capsys, *asking(tables, tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
