"""Commands that learn from earlier searches: said, kept in the run, exported, and refused in a line."""

from __future__ import annotations

import json
import shutil

import pytest
from nasplus_command import refused
from plugged_in import plug_in
from toys import GROUPS

from nni_nasplus.cli import main
from nni_nasplus.run.run import MEMORY, Run


@pytest.fixture(autouse=True)
def outside(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("installed")
    plug_in(folder, "toys", GROUPS)
    monkeypatch.syspath_prepend(folder)


def searching(out, *further, trials=3):
    """A search of networks of four widths, of which the widest is best."""
    return ["search", "--numbers=3", "--host=here", f"--trials={trials}", "--out", str(out), *map(str, further)]


@pytest.fixture
def old(tmp_path, capsys):
    """A search that has tried all four widths."""
    main(searching(tmp_path / "runs" / "old", trials=4))
    capsys.readouterr()
    return tmp_path / "runs" / "old"


def origins(directory):
    return [(trial.architecture["width"], trial.origin) for trial in Run.open(directory).history().trials]


@pytest.mark.parametrize("named", [["--learn-from", "{}"], ["--learn-from=auto"], ["--learn-from", "[{}]"]])
def test_the_next_search_begins_with_the_best_of_the_last(old, capsys, named):
    new = old.parent / "new"
    words = [word.format(old) for word in named]
    main(searching(new, *words))
    printed = capsys.readouterr().out
    assert "learns from old, 4 results\n" in printed
    assert "learned from: old" in printed
    assert origins(new)[0] == (8, "memory")
    assert "what they proposed came in at place 1" in printed
    result = json.loads((new / "report.json").read_text())
    assert list(result["learned_from"]) == ["old"]
    assert result["remembered"][0] == 1


def test_it_goes_on_without_the_searches_that_it_learned_from_wherever_it_is(old, tmp_path):
    main(searching(old.parent / "new", "--learn-from", old, trials=1))
    shutil.rmtree(old)
    moved = (old.parent / "new").rename(tmp_path / "moved")
    main(["resume", str(moved), "--trials=3"])
    assert origins(moved)[0] == (8, "memory")
    assert list(json.loads((moved / MEMORY).read_text())["tasks"]) == ["old"]


def test_a_memory_that_is_damaged_or_gone_is_named(old, capsys):
    new = old.parent / "new"
    main(searching(new, "--learn-from", old, trials=1))
    (new / MEMORY).write_text('{"version": 1, "space": {}}')
    assert f"{MEMORY} is of another space" in refused(capsys, "resume", new, "--trials=2")
    (new / MEMORY).unlink()
    assert f"{MEMORY} cannot be read" in refused(capsys, "resume", new, "--trials=2")


def test_a_search_is_exported_as_architectures_and_ranks(old, tmp_path, capsys):
    kept = tmp_path / "kept.json"
    main(["export", str(old), "--memory", str(kept)])
    assert capsys.readouterr().out == f"{kept}: 4 architectures and their ranks\n"
    content = json.loads(kept.read_text())
    assert content["tasks"] == {"old": {"architectures": [{"width": w} for w in (8, 4, 2, 1)], "ranks": [1, 2, 3, 4]}}
    assert set(content) == {"version", "space", "tasks"}
    main(searching(tmp_path / "new", "--learn-from", kept, old))
    assert "learns from kept: old with 4 results\nlearns from old, 4 results\n" in capsys.readouterr().out
    assert list(json.loads((tmp_path / "new" / MEMORY).read_text())["tasks"]) == ["old", "old (2)"]


def test_an_export_says_what_it_lacks(old, capsys, tmp_path):
    assert "--to, or a file with --memory" in refused(capsys, "export", old)
    assert "end it in .json" in refused(capsys, "export", old, "--memory", "kept.txt")
    assert "--single has no effect without --to" in refused(
        capsys, "export", old, "--memory", tmp_path / "k.json", "--single"
    )
    assert not (tmp_path / "k.json").exists()


def test_what_cannot_be_learned_from_is_refused_before_anything_is_written(old, tmp_path, capsys):
    assert "nowhere is not there" in refused(capsys, *searching(tmp_path / "new", "--learn-from", "nowhere"))
    random = searching(tmp_path / "new", "--learn-from", old, "--strategy=random")
    assert "has no effect on --strategy random" in refused(capsys, *random)
    assert "Amex: a search of another space" in refused(capsys, *searching(tmp_path / "new", "--learn-from", "seqnas"))
    assert not (tmp_path / "new" / "journal.jsonl").exists()


def test_auto_says_where_there_is_nothing(tmp_path, capsys):
    main(searching(tmp_path / "new", "--learn-from", "auto", trials=1))
    assert "learns from nothing" in capsys.readouterr().out
    assert not (tmp_path / "new" / MEMORY).exists()
