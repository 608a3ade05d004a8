"""A run directory: what it keeps, and what is refused by name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PIL import Image

from nni_nasplus import UserError
from nni_nasplus.data.images import prepare_images
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings


def test_settings_survive_the_directory(tmp_path):
    settings = Settings(strategy="evolution", initial=[{"op": "a"}], max_parameters=1e6, seed=3, objective="accuracy")
    run = Run.create(tmp_path / "run", settings)
    assert Run.open(run.directory).settings == run.settings == replace(settings, study="run")
    assert Run.open(run.with_settings(trials=40).directory).settings.trials == 40


def test_a_directory_of_another_format_is_refused_by_name(tmp_path):
    run = Run.create(tmp_path / "run", Settings())
    path = run.directory / "run.json"
    older = {"version": 1, "strategy": "thompson", "options": {}, "limits": {}, "model_limits": {}}
    path.write_text(json.dumps(older))
    with pytest.raises(UserError, match=r"run\.json has format 1, this release reads 5"):
        Run.open(run.directory)


def test_settings_that_nobody_knows_are_named(tmp_path):
    run = Run.create(tmp_path / "run", Settings())
    path = run.directory / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "speed": 3}))
    with pytest.raises(UserError, match="'speed'"):
        Run.open(run.directory)


@pytest.mark.parametrize(
    ("name", "value"), [("trials", "many"), ("space", []), ("max_flops", {}), ("direction", "up"), ("initial", [1])]
)
def test_settings_of_another_type_are_named(tmp_path, name, value):
    run = Run.create(tmp_path / "run", Settings())
    path = run.directory / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(UserError, match=f"{name} is"):
        Run.open(run.directory)


def test_a_journal_of_another_format_is_refused_by_name(tmp_path):
    run = Run.create(tmp_path / "run", Settings())
    (run.directory / "journal.jsonl").write_text('{"event": "start", "version": 1, "direction": "maximize"}\n')
    with pytest.raises(UserError, match=r"journal\.jsonl has format 1, this release reads 2"):
        run.history()


@pytest.mark.parametrize("name", ["trials", "concurrency", "max_failures"])
def test_numbers_below_one_are_named(name):
    with pytest.raises(UserError, match=f"--{name} is 0; use 1 or more"):
        Settings(**{name: 0}).check()


def test_pictures_that_were_changed_since_are_named_with_the_result(tmp_path):
    for number in range(8):
        folder = tmp_path / "pictures" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), number).save(folder / f"{number}.png")
    run = Run.create(tmp_path / "run", Settings())
    prepare_images(tmp_path / "pictures", out=run.cache, progress=False)
    run.warn_of_edits()
    Image.new("L", (4, 4), 99).save(tmp_path / "pictures" / "a" / "0.png")
    (tmp_path / "pictures" / "b" / "1.png").unlink()
    with pytest.warns(UserWarning, match="since the data were read: the result is that of the data before") as warned:
        run.warn_of_edits()
    assert [str(warning.message).split("pictures/")[1].split(" since")[0] for warning in warned] == [
        "a/0.png was edited",
        "b/1.png was removed",
    ]
