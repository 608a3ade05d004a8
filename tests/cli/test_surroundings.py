"""What a machine withholds is replaced by a place in the run, or named in a line with what helps."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from pathlib import Path

import pytest
from nasplus_command import refused
from processes import run_python

from nni_nasplus import cli
from nni_nasplus.cli import surroundings


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """As it is put back afterwards."""
    for name in ("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "NNI_CONFIG_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(tempfile, "tempdir", None)


@pytest.mark.parametrize(
    ("withheld", "given"),
    [
        ({"HOME": "/dev/null/home"}, {"MPLCONFIGDIR": ".cache/matplotlib"}),
        ({"XDG_CACHE_HOME": "/dev/null/cache"}, {"MPLCONFIGDIR": ".cache/matplotlib"}),
        ({}, {}),
    ],
)
def test_the_run_has_a_place_for_what_goes_into_a_home(withheld, given, tmp_path, monkeypatch):
    for name, value in ({"HOME": str(tmp_path)} | withheld).items():
        monkeypatch.setenv(name, value)
    surroundings.live_within(tmp_path / "run")
    found = os.environ.get("MPLCONFIGDIR")
    assert found == (str(tmp_path / "run" / given["MPLCONFIGDIR"]) if given else None)


def test_the_run_has_a_place_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/dev/null/tmp"])
    surroundings.live_within(tmp_path / "run")
    with tempfile.TemporaryDirectory() as folder:
        assert Path(folder).parent == tmp_path / "run" / ".cache"
    assert os.environ["TMPDIR"] == str(tmp_path / "run" / ".cache")


def test_a_user_whom_the_system_does_not_know_has_a_home(monkeypatch):
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    surroundings.settle()
    assert os.environ["HOME"] == "/"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "/tmp/x .*No space left on device.*set TMPDIR"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the output, or a file, .*No space left on device.*set TMPDIR",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x .*Permission denied.*where you may"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "/x .*Read-only.*not read-only"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "set TMPDIR to one"),
    ],
)
def test_a_fault_of_the_machine_is_one_line(error, line, capsys, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(cli, "_run", fail)
    found = refused(capsys, "show", "run")
    assert re.search(line, found)


def test_a_fault_of_ours_is_a_traceback(monkeypatch):
    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_run", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["show", "run"])


@pytest.mark.parametrize("command", [["register"], ["nnictl", "experiment", "list"]])
def test_folders_of_nnis_own_are_named_with_their_variables(command):
    withheld = {"HOME": "/dev/null/home", "NNI_CONFIG_DIR": "/dev/null/config"}
    done = run_python(["-m", "nni_nasplus", *command], env=os.environ | withheld)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("nasplus: error: /dev/null/")]
    assert line.endswith("set these to folders where you may write")
