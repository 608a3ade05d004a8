"""Files of a run or an exported network that are damaged are named in one line, whatever is wrong with them."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from digits_search import Worth
from nasplus_command import refused
from PIL import Image

from nni_nasplus import Journal, Outcome, Proposal
from nni_nasplus._files import write_json
from nni_nasplus.data.images import ImageEncoder
from nni_nasplus.registry import described
from nni_nasplus.report.findings import REPORT
from nni_nasplus.run.member import Member
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.spaces.images import NasBench201Space

SIZES = {"channels": 2, "cells": 1, "classes": 2, "in_channels": 1, "size": 8}
MODEL = ("architecture.json", "preprocessing.json", "model.safetensors")
GARBAGE = [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"\x00" * 99, b"[" * 100_000]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished run, an exported network and a picture."""
    folder = tmp_path_factory.mktemp("whole")
    run = Run.create(folder / "run", Settings(space=described(NasBench201Space, SIZES), evaluator=described(Worth, {})))
    journal = Journal.create(run.directory / JOURNAL, run.space.search_space)
    architecture = run.space.search_space.sample(np.random.default_rng(0))
    journal.tell(journal.ask(Proposal(architecture)).number, Outcome(score=0.5))
    journal.close()
    row = {"name": "winner", "validation": {"score": 0.5}, "test": {"score": 0.5}}
    report = {"objective": "score", "genotype": "x", "rows": [row], "random_search": None, "trials": 1}
    write_json(run.directory / REPORT, report)
    encoder = ImageEncoder(("no", "yes"), 8, False, (7.0,), (3.0,))
    Model([Member(run.settings.space, architecture)], encoder, {}).save(folder / "model")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "a.png")
    return folder


@pytest.fixture
def copied(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copied")


def command(folder, name):
    if name in MODEL:
        return ["predict", folder / "model", "--images", folder / "a.png"]
    return ["show", folder / "run"]


def place(folder, name):
    return folder / ("model" if name in MODEL else "run") / name


@pytest.mark.parametrize("name", ["run.json", REPORT, *MODEL])
@pytest.mark.parametrize("content", GARBAGE)
def test_garbage_is_named(copied, capsys, name, content):
    place(copied, name).write_bytes(content)
    assert "is damaged" in refused(capsys, *command(copied, name))


@pytest.mark.parametrize("name", ["run.json", JOURNAL, *MODEL])
def test_a_folder_in_the_place_of_a_file_is_named(copied, capsys, name):
    place(copied, name).unlink()
    place(copied, name).mkdir()
    assert str(copied) in refused(capsys, *command(copied, name))


def changed(content, path, value):
    *above, last = path
    for step in above:
        content = content[step]
    content[last] = value


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("run.json", ["trials"], "many"),
        ("run.json", ["concurrency"], None),
        ("run.json", ["direction"], "up"),
        ("run.json", ["space"], []),
        ("run.json", ["space"], {}),
        ("run.json", ["space", "class_path"], 3),
        ("run.json", ["space", "init_args", "cells"], "x"),
        ("run.json", ["space", "init_args", "unknown"], 1),
        (REPORT, ["rows"], None),
        (REPORT, ["rows", 0, "test"], {}),
        (REPORT, ["random_search"], "x"),
        ("architecture.json", ["members", 0, "space", "init_args"], []),
        ("architecture.json", ["members", 0, "architecture"], None),
        ("architecture.json", ["members", 0, "weight"], "half"),
        ("architecture.json", ["members"], []),
        ("architecture.json", ["temperature"], 0.0),
        ("architecture.json", ["origin"], []),
        ("architecture.json", ["preprocessing"], 7),
        ("preprocessing.json", ["mean"], None),
        ("preprocessing.json", ["more"], 1),
    ],
)
def test_a_wrong_value_is_one_line(copied, capsys, name, path, value):
    content = json.loads(place(copied, name).read_text())
    changed(content, path, value)
    place(copied, name).write_text(json.dumps(content))
    assert str(copied) in refused(capsys, *command(copied, name))


@pytest.mark.parametrize("line", ["null", "1", '"x"', "[]", '{"event": "sing", "number": 0}', "[" * 100_000])
def test_a_damaged_line_of_a_journal_is_named(copied, capsys, line):
    path = copied / "run" / JOURNAL
    header, *events = path.read_text().splitlines(keepends=True)
    path.write_text("".join([header, f"{line}\n", *events]))
    assert f"{JOURNAL} is damaged at line 2" in refused(capsys, "show", copied / "run")


@pytest.mark.parametrize("missing", ["version", "space", "direction"])
def test_a_journal_whose_header_is_damaged_is_named(copied, capsys, missing):
    path = copied / "run" / JOURNAL
    header, *events = path.read_text().splitlines(keepends=True)
    path.write_text("".join([json.dumps({**json.loads(header), missing: None}) + "\n", *events]))
    assert JOURNAL in refused(capsys, "show", copied / "run")
