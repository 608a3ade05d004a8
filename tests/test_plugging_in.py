"""Whatever can be added to the project is added from outside, by one object and one entry point."""

from __future__ import annotations

import pytest
from landscapes import GRID, score, trained
from one_shot_searches import small
from plugged_in import plug_in
from toys import GROUPS

from nni_nasplus import Search, registry
from nni_nasplus.cli import main
from nni_nasplus.one_shot.fit import fit
from nni_nasplus.run.run import Run
from nni_nasplus.search.strategy import make_strategy


@pytest.fixture(autouse=True)
def outside(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("installed")
    plug_in(folder, "toys", GROUPS)
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize("kind", GROUPS)
def test_it_is_found_by_its_name_beside_what_comes_with_the_package(kind):
    (name,) = GROUPS[kind]
    assert name in registry.available(kind)
    assert len(registry.available(kind)) > 1
    assert registry.load(kind, name).__module__ == GROUPS[kind][name].partition(":")[0]


def test_one_command_searches_new_data_in_a_new_space_by_a_new_strategy_on_a_new_host(tmp_path, capsys):
    out = str(tmp_path / "run")
    main(
        ["search", "--numbers=3", "--strategy=widest", "--host=here", "--trials=3", "--max-parameters=20", "--out", out]
    )
    history = Run.open(out).history()
    assert [(trial.architecture["width"], trial.status) for trial in history.trials] == [
        (8, "rejected"),
        (4, "done"),
        (2, "done"),
        (1, "done"),
    ]
    printed = capsys.readouterr()
    assert "in this process" in printed.err
    assert '{"width":4}' in printed.out
    main(["resume", out, "--trials=3"])
    main(["show", out])
    assert "1 proposals exceeded the limits" in capsys.readouterr().out


def test_a_new_strategy_is_a_search_in_python_too():
    search = Search(GRID, make_strategy("widest", {}))
    assert [sum(architecture.values()) for architecture in trained(search, 2)] == [18, 17]


def test_a_new_predictor_guides_thompson_sampling():
    best = max(map(score, trained(Search(GRID, make_strategy("thompson", {"predictor": "nearest"})), 40)))
    plain = [max(map(score, trained(Search(GRID, make_strategy("random", {}), seed=i), 40))) for i in range(20)]
    assert best > sum(plain) / len(plain)


def test_a_new_proxy_ranks_networks_of_a_new_space(capsys):
    main(["score", "--space=lines", "--proxies=breadth", "--sample=4"])
    printed = capsys.readouterr().out
    widths = [int(line.partition('"width":')[2].partition("}")[0]) for line in printed.splitlines() if "width" in line]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) == 4


def test_a_new_search_inside_one_trial_is_reached_by_its_name():
    assert fit(small("toy")).architectures == fit(small("toy")).architectures
    assert make_strategy("one_shot", {"method": "toy", "options": {"epochs": 2}}).settings() == {"epochs": 2}
