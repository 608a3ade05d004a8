"""Where a command's output cannot go it says so in a line, before the work; what fails leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from nasplus_command import refused
from PIL import Image

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.data.images import ImageEncoder
from nni_nasplus.registry import described
from nni_nasplus.run import model as models
from nni_nasplus.run.member import Member
from nni_nasplus.run.model import Model
from nni_nasplus.spaces.images import NasBench201Space

SIZES = {"channels": 2, "cells": 1, "classes": 2, "in_channels": 1, "size": 8}


@pytest.fixture
def model(tmp_path):
    encoder = ImageEncoder(("no", "yes"), 8, False, (7.0,), (3.0,))
    architecture = NasBench201Space(**SIZES).search_space.sample(np.random.default_rng(0))
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    return Model([Member(described(NasBench201Space, SIZES), architecture)], encoder, {})


def scoring(model, tmp_path, *more):
    model.save(tmp_path / "model")
    return ["predict", str(tmp_path / "model"), "--images", str(tmp_path / "a.png"), *map(str, more)]


@pytest.mark.parametrize("name", ["new/deep/a.csv", "new/a.parquet"])
def test_the_folder_of_predictions_is_made(model, tmp_path, name):
    main(scoring(model, tmp_path, "--to", tmp_path / name))
    assert (tmp_path / name).stat().st_size > 0
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == [(tmp_path / name).name]


@pytest.mark.parametrize("to", ["/proc/x.csv", "/dev/null/x.csv", "{folder}/a.png/x.csv", "{folder}/folder.csv"])
def test_a_place_that_cannot_be_is_named_before_anything_is_scored(model, tmp_path, capsys, monkeypatch, to):
    (tmp_path / "folder.csv").mkdir()
    arguments = scoring(model, tmp_path, "--to", to.format(folder=tmp_path))
    monkeypatch.setattr(Model, "load", lambda directory: pytest.fail("the work has begun"))
    assert "cannot be written" in refused(capsys, *arguments)


def test_predictions_that_fail_leave_nothing(model, tmp_path, capsys):
    arguments = scoring(model, tmp_path, "--to", tmp_path / "new" / "a.csv")
    (tmp_path / "a.png").write_bytes(b"text")
    assert "1 of 1 pictures cannot be read" in refused(capsys, *arguments)
    assert not (tmp_path / "new").exists()


def test_what_leaves_out_pictures_is_refused_for_other_data(model, tmp_path, capsys):
    model.save(tmp_path / "model")
    line = refused(capsys, "predict", tmp_path / "model", "--text", "a.txt", "--skip-damaged")
    assert "--skip-damaged has no effect without --images" in line


def test_attributes_of_users_are_refused_for_other_data(model, tmp_path, capsys):
    model.save(tmp_path / "model")
    line = refused(capsys, "predict", tmp_path / "model", "--text", "a.txt", "--static", "users.csv")
    assert "--static has no effect without --events" in line


@pytest.mark.parametrize("error", [UserError, KeyboardInterrupt, OSError])
def test_an_export_that_fails_leaves_nothing(model, tmp_path, monkeypatch, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(models, "export_onnx", fail)
    before = sorted(tmp_path.iterdir())
    with pytest.raises((error, UserError)):
        model.save(tmp_path / "new" / "model", onnx=True)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("out", "words"), [("/proc/x", "/proc/x cannot be written"), ("/dev/null/x", "/dev/null is no directory")]
)
def test_a_search_names_a_place_that_cannot_be_before_it_reads_data(capsys, tmp_path, out, words):
    arguments = ["--images", tmp_path, "--scale", "small", "--host", "optuna", "--out", out]
    assert words in refused(capsys, "search", *arguments)


@pytest.mark.filterwarnings("error")
def test_commands_warn_of_nothing(model, tmp_path, capsys):
    main(scoring(model, tmp_path, "--to", tmp_path / "a.csv"))
    assert capsys.readouterr().err == ""


NASPLUS = f"{sys.executable} -m nni_nasplus"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (f"{NASPLUS} --help | true; exit ${{PIPESTATUS[0]}}", 1, ""),
        (f"{NASPLUS} --help >&-", 0, ""),
        (f"{NASPLUS} shwo 2>&-", 2, ""),
        (
            f"{NASPLUS} --help > /dev/full",
            2,
            "nasplus: error: the output, or a file, cannot be read or written (No space left on device); "
            "make room on that disk, or set TMPDIR to a folder on another\n",
        ),
    ],
)
def test_output_that_goes_nowhere_is_no_traceback(command, code, said):
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=280, check=False)
    assert (done.stderr, done.returncode) == (said, code)
