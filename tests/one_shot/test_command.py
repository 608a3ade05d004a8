"""``nasplus search`` by a supernet to its end: what it found is trained, on Optuna and in one process."""

from __future__ import annotations

import pytest
from shopping import COLUMNS, shopping
from texts import lines, written

from nni_nasplus.cli import main
from nni_nasplus.run.run import Run

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]
SHORT = ["--trials=2", "--epochs=1", "--hidden=4", "--tail-minutes=0.001"]


def events(folder):
    frames = dict(zip(("events", "labels"), shopping(60), strict=True))
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    columns = [f"--{name}={column}" for name, column in COLUMNS.items()]
    return [*(f"--{name}={folder}/{name}.csv" for name in frames), *columns]


def text(folder):
    return [f"--text={written(folder / 'text.txt', lines(150))}", "--batch_size=4", "--bptt=8", "--scale=small"]


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (events, ["--host=optuna", "--strategy=darts", "--concurrency=1"]),
        (text, ["--host=process", "--strategy=darts", "--space=darts-rnn"]),
        (text, ["--host=process", "--strategy=enas", "--space=enas-rnn"]),
    ],
    ids=["events on Optuna", "cells of DARTS", "cells of ENAS"],
)
def test_the_derived_architecture_is_the_first_that_is_trained(data, options, tmp_path, capsys):
    if "--host=optuna" in options:
        pytest.importorskip("optuna")
    if "--strategy=enas" in options:
        settings = {"steps": 2, "paths": 3, "samples": 4, "batches": 2}
        options = [*options, *(f"--strategy_options.{name}={value}" for name, value in settings.items())]
    main(["search", *data(tmp_path), *SHORT, *options, f"--out={tmp_path}/run"])
    run = Run.open(tmp_path / "run")
    first, second = run.history().trials
    assert first.architecture == run.ranking(run.space.search_space).architectures[0]
    assert (first.origin, first.status, second.status) == ("presearch", "done", "done")
    assert "by its supernet" in capsys.readouterr().out
    if "--host=optuna" in options:
        import optuna

        study = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path}/run/study.db")
        assert [trial.value for trial in study.trials] == [first.score, second.score]
