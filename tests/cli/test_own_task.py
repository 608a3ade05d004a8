"""``nasplus search --task``: data of the user's own kind, as docs/how_to/own_task.md tells of them."""

from __future__ import annotations

import re

import pytest
from nasplus_command import nasplus, refused
from nni_server import free_port
from places import ROOT

from nni_nasplus.cli import main
from nni_nasplus.run.run import Run

PAGE = ROOT / "docs" / "how_to" / "own_task.md"


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The module of the page in a folder of the path."""
    module = re.search(r"```python\n# measurements.py\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)
    (tmp_path / "measurements.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_page_searches_in_this_process(written, capsys):
    out = str(written / "run")
    quick = ["--tail-minutes=0.001", "--baseline-trials=1", "--strategy=random", "--trials=2", "--host=process"]
    main(["search", "--task=measurements:MeasurementTask", "--epochs", "1", *quick, "--out", out])
    history = Run.open(out).history()
    assert [trial.status for trial in history.trials] == ["done", "done"]
    assert history.direction == "minimize"
    assert "mse" in capsys.readouterr().out


@pytest.mark.system
@pytest.mark.nni
def test_the_page_searches_under_nni(written):
    out = written / "run"
    done = nasplus(
        *["search", "--task", "measurements:MeasurementTask", "--epochs=1", "--trials=2", f"--port={free_port()}"],
        *["--tail-minutes=0.001", "--baseline-trials=1", "--strategy=random", "--out", out],
    )
    assert done.returncode == 0, done.stderr
    assert [trial.status for trial in Run.open(out).history().trials] == ["done", "done"]


def test_a_configuration_names_a_task_too(written, capsys):
    (written / "search.yml").write_text("task: measurements:MeasurementTask\nepochs: 0\n")
    assert "--epochs is 0" in refused(capsys, "search", "--config", written / "search.yml", "--host=process")


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("no_such_package:MyTask", "cannot be imported .*No module named 'no_such_package'"),
        ("measurements:Perceptrons", "is no Task; name the class"),
        ("measurements", "is no Task; name the class"),
        (":MyTask", "cannot be imported"),
    ],
)
def test_what_is_no_task_is_refused(written, capsys, task, why):
    assert re.search(why, refused(capsys, "search", f"--task={task}"))


def test_options_of_other_tasks_have_no_effect(written, capsys):
    line = refused(capsys, "search", "--task=measurements:MeasurementTask", "--bptt=3")
    assert "--bptt has no effect on measurements" in line


def test_its_help_has_its_own_options(written, capsys):
    with pytest.raises(SystemExit):
        main(["search", "--task=measurements:MeasurementTask", "--help"])
    assert "Passes over the data" in capsys.readouterr().out
