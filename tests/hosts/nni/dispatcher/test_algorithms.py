"""Tuners that cannot start are named before NNI starts an experiment."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.hosts.nni.dispatcher.algorithms import require_algorithms


def config(folder: Path, **content) -> Path:
    path = folder / "nnictl.yml"
    path.write_text(yaml.safe_dump(content))
    return path


NEEDY = [
    ("tuner", "Anneal", "hyperopt", "nni[anneal]"),
    ("tuner", "tpe_legacy", "hyperopt", "nni[anneal]"),
    ("tuner", "SMAC", "smac", "nni[smac]"),
    ("tuner", "PPOTuner", "gym", "nni[ppotuner]"),
    ("advisor", "BOHB", "ConfigSpace", "nni[bohb]"),
]


@pytest.mark.parametrize(("kind", "name", "package", "extra"), [n for n in NEEDY if find_spec(n[2]) is None])
def test_a_tuner_whose_package_is_missing_is_named_with_its_extra(tmp_path, kind, name, package, extra):
    with pytest.raises(UserError) as refused:
        require_algorithms(config(tmp_path, **{kind: {"name": name}}))
    assert f"{kind} {name} cannot be imported: ModuleNotFoundError: No module named '{package}'" in str(refused.value)
    assert f'pip install "{extra}"' in str(refused.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"tuner": {"name": "Tpee"}}, "NNI knows no tuner Tpee; it has Anneal, BOHB, Batch"),
        ({"tuner": {"builtinTunerName": "Tpee"}}, "NNI knows no tuner Tpee"),
        ({"tuner": {"name": "TPE"}, "assessor": {"name": "Median"}}, "NNI knows no assessor Median"),
        ({"tuner": {"className": "mine.Tuner"}}, "tuner mine.Tuner cannot be imported: ZeroDivisionError"),
        ({"tuner": {"className": "absent_one.T", "codeDirectory": "."}}, "No module named 'absent_one'"),
    ],
)
def test_what_cannot_start_is_named(tmp_path, content, named):
    (tmp_path / "mine.py").write_text("1 / 0")
    with pytest.raises(UserError, match=named):
        require_algorithms(config(tmp_path, **content))


@pytest.mark.parametrize(
    "content", [{"tuner": {"name": name}} for name in ("tpe", "Random", "GridSearch", "BatchTuner")] + [{}, ["list"]]
)
def test_what_can_start_and_what_is_no_config_pass(tmp_path, content):
    path = tmp_path / "nnictl.yml"
    path.write_text(yaml.safe_dump(content))
    require_algorithms(path)
    require_algorithms(tmp_path / "absent.yml")


@pytest.mark.parametrize("option", [["--config"], ["-c"]])
def test_nnictl_refuses_them_in_one_line(tmp_path, monkeypatch, capsys, option):
    monkeypatch.setattr(subprocess, "call", lambda command: pytest.fail("NNI was started"))
    with pytest.raises(SystemExit) as end:
        main(["nnictl", "create", "--port", "8300", *option, str(config(tmp_path, tuner={"name": "Tpee"}))])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("nasplus: error: NNI knows no tuner Tpee")
