"""``nasplus show``: the winner, or another trial, as a picture where people look for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from digits_search import Digits, Worth

from nni_nasplus import Journal, Outcome, Proposal
from nni_nasplus._files import write_json
from nni_nasplus.cli import main
from nni_nasplus.drawing.draw import draw
from nni_nasplus.networks.network_space import NetworkSpace
from nni_nasplus.registry import described
from nni_nasplus.report.findings import REPORT
from nni_nasplus.run.run import Run
from nni_nasplus.run.settings import Settings
from nni_nasplus.search.journal import JOURNAL
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, EnasRecurrentSpace, RecurrentCellSpace

ROWS = [{"name": name, "validation": {"worth": 0.7}, "test": {"worth": 0.6}} for name in ("winner", "GRU")]
RESULT = {"genotype": "the winner", "random_search": None, "trials": 4, "rows": ROWS}
LANGUAGE = {"vocabulary": 4, "hidden": 4}
SPACES = {
    EventSequenceSpace: {},
    RecurrentCellSpace: {**LANGUAGE, "embedding": 4},
    DartsRecurrentSpace: LANGUAGE,
    EnasRecurrentSpace: LANGUAGE,
    DartsSpace: {"channels": 1, "layers": 3, "size": 4},
    NasBench201Space: {"channels": 1, "cells": 1, "size": 4},
}


def searched(directory: Path, kind: type[NetworkSpace], scores=(0.2, 0.7, None, 0.5), **sizes) -> Run:
    """A search that ended with these scores; None is a failure."""
    settings = Settings(space=described(kind, sizes), evaluator=described(Worth, {}), objective="worth")
    run = Run.create(directory, settings)
    journal, rng = Journal.create(run.directory / JOURNAL, run.space.search_space), np.random.default_rng(0)
    for score in scores:
        trial = journal.ask(Proposal(run.space.search_space.sample(rng)))
        journal.tell(trial.number, Outcome(score=score, reason=None if score else "too large"))
    journal.close()
    return run


@pytest.fixture
def run(tmp_path) -> Run:
    return searched(tmp_path / "run", NasBench201Space, **SPACES[NasBench201Space])


def picture_of(run: Run, number: int, path: Path) -> bytes:
    architecture = run.history().trials[number].architecture
    draw(run.space.graph(architecture), path, run.space.genotype(architecture))
    return path.read_bytes()


@pytest.mark.parametrize("kind", SPACES)
def test_the_winner_of_every_space_is_drawn_into_the_run(tmp_path, capsys, kind):
    run = searched(tmp_path / "run", kind, **SPACES[kind])
    main(["show", str(run.directory)])
    path = run.directory / "winner.svg"
    assert f"picture: {path}\n" in capsys.readouterr().out
    assert path.read_bytes() == picture_of(run, 1, tmp_path / "expected.svg")
    assert path.read_bytes() != picture_of(run, 3, tmp_path / "other.svg")
    assert {entry.name for entry in run.directory.iterdir()} == {"run.json", JOURNAL, JOURNAL + ".lock", path.name}


@pytest.mark.parametrize("linked_by", [os.link, os.symlink])
def test_a_copy_made_of_links_gets_a_picture_of_its_own(run, tmp_path, linked_by):
    for name in ("winner.svg", "trial_0.svg"):
        (run.directory / name).write_text("drawn before")
    copy = shutil.copytree(run.directory, tmp_path / "copy", copy_function=linked_by)
    main(["show", str(copy)])
    main(["show", str(copy), "--trial", "0"])
    for name in ("winner.svg", "trial_0.svg"):
        assert (run.directory / name).read_text() == "drawn before"
        assert (copy / name).read_text().startswith("<?xml")


@pytest.mark.parametrize("number", [0, 2])
def test_another_trial_is_drawn_beside_it_also_one_that_failed(run, tmp_path, capsys, number):
    main(["show", str(run.directory), "--trial", str(number)])
    path = run.directory / f"trial_{number}.svg"
    assert f"picture: {path}\n" in capsys.readouterr().out
    assert path.read_bytes() == picture_of(run, number, tmp_path / "expected.svg")
    assert not (run.directory / "winner.svg").exists()


@pytest.mark.parametrize("name", ["a.png", "new/b.svg", "c.pdf"])
def test_the_picture_goes_where_it_is_asked_for(run, tmp_path, capsys, name):
    path = tmp_path / name
    main(["show", str(run.directory), "--picture", str(path)])
    assert f"picture: {path}\n" in capsys.readouterr().out
    assert path.read_bytes() == picture_of(run, 1, tmp_path / f"expected{path.suffix}")
    assert not (run.directory / "winner.svg").exists()


def test_what_is_shown_is_not_lost_where_nothing_can_be_written(run, capsys):
    (run.directory / "winner.svg").mkdir()
    main(["show", str(run.directory)])
    printed = capsys.readouterr()
    assert "4 trials, 1 failed" in printed.out
    assert "picture" not in printed.out
    assert printed.err.count("\n") == 1
    assert printed.err.startswith(f"nasplus: warning: {run.directory / 'winner.svg'} cannot be written (")
    assert printed.err.endswith("); name another place for the picture with --picture\n")


def test_what_has_no_winner_or_no_pictures_is_shown_without(tmp_path, capsys):
    searched(tmp_path / "failed", NasBench201Space, [None], **SPACES[NasBench201Space])
    searched(tmp_path / "digits", Digits)
    for name in ("failed", "digits"):
        main(["show", str(tmp_path / name)])
        printed = capsys.readouterr()
        assert "trials, 1 failed" in printed.out
        assert "picture" not in printed.out
        assert not printed.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trial", "4"], "there is no trial 4"),
        (["--trial", "-1"], "there is no trial -1"),
        (["--picture", "winner.bmp"], "the picture is winner.bmp; end it in .svg, .png or .pdf"),
        (["--picture", f"{__file__}/winner.svg"], "winner.svg cannot be written (File exists); name another place"),
    ],
)
def test_bad_input_is_one_line(run, capsys, words, message):
    with pytest.raises(SystemExit, match="2"):
        main(["show", str(run.directory), *words])
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_picture_that_there_cannot_be_is_one_line(tmp_path, capsys):
    searched(tmp_path / "failed", NasBench201Space, [None], **SPACES[NasBench201Space])
    searched(tmp_path / "digits", Digits)
    for name, message in (("failed", "has no finished trial"), ("digits", "Digits has no pictures")):
        with pytest.raises(SystemExit, match="2"):
            main(["show", str(tmp_path / name), "--picture", str(tmp_path / "a.svg")])
        assert message in capsys.readouterr().err


def test_a_search_without_a_trial_is_named(tmp_path, capsys):
    directory = tmp_path / "run"
    Run.create(directory, Settings(space=described(NasBench201Space, {}), evaluator=described(Worth, {})))
    for command in (["show"], ["export", "--to", str(tmp_path / "model")]):
        with pytest.raises(SystemExit) as ended:
            main([command[0], str(directory), *command[1:]])
        assert ended.value.code == 2
        assert f"{directory} has no trial yet; begin or go on with: nasplus resume" in capsys.readouterr().err


def test_a_finished_search_is_shown_from_its_files_without_torch(run, capsys):
    main(["show", str(run.directory)])
    first = capsys.readouterr().out
    genotypes = {str(trial.number): run.space.genotype(trial.architecture) for trial in run.history().trials}
    write_json(run.directory / REPORT, {"objective": "worth", "genotypes": genotypes, **RESULT})
    code = "import sys; from nni_nasplus.cli import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code, "show", run.directory], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:5] == first.splitlines()[:5]
    assert f"picture: {run.directory / 'winner.svg'}" in done.stdout


def test_a_picture_of_another_winner_is_drawn_anew(run):
    picture = run.directory / "winner.svg"
    draw(run.space.graph(run.history().trials[0].architecture), picture, "another")
    main(["show", str(run.directory)])
    drawn = picture.read_bytes()
    main(["show", str(run.directory)])
    assert picture.read_bytes() == drawn
    assert run.space.genotype(run.history().best[0].architecture) in picture.read_text()
