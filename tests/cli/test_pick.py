"""``nasplus pick``: what it leaves for a budget, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from finished_runs import searched
from nasplus_command import refused
from shopping import shopping

from nni_nasplus.cli import main
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.one_shot.inherited import Inherited
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
OPTIONS = {"epochs": 1, "rounds": 2, "population": 3, "batches": 1, "paths": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pick") / "run"
    return searched(directory, strategy="bignas", strategy_options=OPTIONS, trials=1).directory


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "no budget is given; name one with --max-latency-ms, --max-flops or --max-parameters"),
        (["--max-parameters", "0"], "--max_parameters is 0.0; use more than 0"),
        (["--max-flops", "9", "--samples", "0"], "--samples is 0; use 1 or more"),
        (["--max-flops", "9"], "nowhere holds no search"),
    ],
)
def test_what_cannot_be_is_one_line(options, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, "pick", "nowhere", "--to", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_a_search_without_such_a_supernet_is_named(tmp_path, capsys):
    run = searched(tmp_path / "run", trials=1).directory
    said = refused(capsys, "pick", run, "--to", tmp_path / "out", "--max-flops", "1e6")
    assert "was searched by random, which trains no networks of all sizes; search with --strategy bignas" in said


@pytest.mark.system
def test_one_training_serves_three_budgets_and_new_events(run, tmp_path, capsys):
    budgets = {"--max-parameters": 3000, "--max-flops": 300_000, "--max-latency-ms": 50}
    events = tmp_path / "events.csv"
    shopping()[0].to_csv(events, index=False)
    for number, (option, budget) in enumerate(budgets.items()):
        out = tmp_path / str(number)
        main(["pick", str(run), option, str(budget), "--samples", "4", "--to", str(out)])
        model = Model.load(out)
        (member,) = model.members
        assert capsys.readouterr().out.startswith(member.genotype)
        count = {"--max-parameters": count_parameters(model.network), "--max-flops": None}.get(option)
        if option == "--max-flops":
            count = count_flops(model.network, model.example())
        assert count is None or count <= budget
        curve = json.loads((out / "curve.json").read_text())
        (own,) = [point for point in curve["points"] if point["genotype"] == curve["picked"]]
        assert own["cost"] <= budget
        within = [point["loss"] for point in curve["points"] if point["cost"] <= budget]
        assert own["loss"] == min(within)
        assert own["score"] == model.metrics[curve["objective"]]
        assert (out / "curve.svg").read_text().startswith("<?xml")
        main(["predict", str(out), "--events", str(events), "--to", str(tmp_path / f"{number}.csv")])
        assert len(pd.read_csv(tmp_path / f"{number}.csv")) == shopping()[0].user.nunique()
        capsys.readouterr()


@pytest.mark.system
def test_a_budget_that_was_asked_for_is_answered_again_without_scoring(run, tmp_path, capsys, monkeypatch):
    arguments = ["pick", str(run), "--max-parameters", "4000", "--samples", "3"]
    main([*arguments, "--to", str(tmp_path / "one")])
    monkeypatch.setattr("nni_nasplus.one_shot.inherited.Inherited.__call__", None)
    main([*arguments, "--to", str(tmp_path / "again")])
    for name in ("architecture.json", "curve.json", "model.safetensors"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.system
def test_a_pick_that_is_interrupted_goes_on_as_if_it_had_not_been(run, tmp_path, monkeypatch):
    whole, parts = (shutil.copytree(run, tmp_path / name) for name in ("whole", "parts"))
    for copy in (whole, parts):
        shutil.rmtree(copy / "bignas" / "picked", ignore_errors=True)
    arguments = ["--max-flops", "400000", "--samples", "5", "--to"]
    main(["pick", str(whole), *arguments, str(tmp_path / "at_once")])
    calls, scored = [], Inherited.__call__

    def interrupted(self, *given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return scored(self, *given)

    monkeypatch.setattr(Inherited, "__call__", interrupted)
    with pytest.raises(SystemExit):
        main(["pick", str(parts), *arguments, str(tmp_path / "later")])
    assert not (tmp_path / "later").exists()
    main(["pick", str(parts), *arguments, str(tmp_path / "later")])
    assert (tmp_path / "later" / "curve.json").read_text() == (tmp_path / "at_once" / "curve.json").read_text()
    assert len(calls) == 3 + 3


@pytest.mark.system
def test_damaged_scores_are_named(run, tmp_path, capsys):
    scores = run / "bignas" / "picked" / "scores.json"
    scores.parent.mkdir(exist_ok=True)
    before = scores.read_bytes() if scores.exists() else None
    scores.write_text("{}")
    said = refused(capsys, "pick", run, "--max-parameters", 1e5, "--to", tmp_path / "out")
    scores.unlink() if before is None else scores.write_bytes(before)
    assert "scores.json is damaged (KeyError: 'scored'); remove it to score again" in said


@pytest.mark.system
def test_a_budget_below_the_smallest_network_names_it(run, tmp_path, capsys):
    said = refused(capsys, "pick", run, "--max-parameters", 10, "--to", tmp_path / "out")
    space = Run.open(run).space
    smallest = space.parse_genotype(said.partition("the smallest network, ")[2].rpartition(", takes")[0])
    least = count_parameters(space.build(smallest))
    assert f"--max-parameters is 10; the smallest network, {space.genotype(smallest)}, takes {least:,}" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.system
def test_a_supernet_that_is_not_trained_yet_is_named(run, tmp_path, capsys):
    (run / "bignas" / "supernet.safetensors").rename(tmp_path / "weights")
    said = refused(capsys, "pick", run, "--max-parameters", 1e5, "--to", tmp_path / "out")
    (tmp_path / "weights").rename(run / "bignas" / "supernet.safetensors")
    assert f"supernet.safetensors is not there: let the search by bignas end, by nasplus resume {Path(run)}" in said
