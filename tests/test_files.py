"""Files that a reader sees whole or not at all, and what is said of those that cannot be written or are damaged."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from safetensors.numpy import save_file

from nni_nasplus import UserError
from nni_nasplus._files import new_file, new_folder, read_json, write_json


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_file_takes_its_place_at_the_end_and_its_folders_are_made(tmp_path):
    path = tmp_path / "new" / "deep" / "a.csv"
    with new_file(path) as partial:
        assert partial.suffix == ".csv"
        partial.write_text("1")
        assert not path.exists()
    assert path.read_text() == "1"
    assert everything(tmp_path) == ["new", "new/deep", "new/deep/a.csv"]


def test_weights_may_be_read_by_whoever_may_read_other_files(tmp_path):
    write_json(tmp_path / "a.json", {})
    with new_file(tmp_path / "a.safetensors") as partial:
        save_file({"a": np.zeros(2)}, partial)
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "a.json").stat().st_mode


@pytest.mark.parametrize("kind", [new_file, new_folder])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, UserError])
def test_what_is_not_finished_leaves_nothing_and_the_old_stays(tmp_path, kind, error):
    (tmp_path / "old").write_text("old")
    for path in (tmp_path / "a" / "b", tmp_path / "c", *([tmp_path / "old"] if kind is new_file else [])):
        with pytest.raises(error), kind(path) as partial:
            (partial if kind is new_file else partial / "inside").write_text("new")
            raise error
    assert everything(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "old"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "there")
    write_json(tmp_path / "link", {"a": 1})
    assert (tmp_path / "link").is_symlink()
    assert read_json(tmp_path / "there") == {"a": 1}


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_filled_at_once_also_one_that_is_there_and_empty(tmp_path, there):
    path = tmp_path / "folder"
    if there:
        path.mkdir()
    node = path.stat().st_ino if there else None
    with new_folder(path) as partial:
        (partial / "a").write_text("1")
    assert everything(tmp_path) == ["folder", "folder/a"]
    assert node in (None, path.stat().st_ino), "it may be where a shell is"


@pytest.mark.parametrize("kind", [new_file, new_folder])
@pytest.mark.parametrize("path", ["/proc/x", "/dev/null/x", "{folder}/file/x", "{folder}/" + 300 * "x"])
def test_a_place_where_nothing_can_be_is_named_before_the_work(tmp_path, kind, path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"x cannot be written \(.+\); name another place"),
        kind(path.format(folder=tmp_path)),
    ):
        pytest.fail("the work has begun")
    assert everything(tmp_path) == ["file"]


def test_a_folder_is_no_place_for_a_file(tmp_path):
    with pytest.raises(UserError, match=r"cannot be written \(Is a directory\)"), new_file(tmp_path):
        pytest.fail("the work has begun")


def test_a_full_disk_is_named_and_another_files_fault_is_not_taken_for_it(tmp_path):
    with (
        pytest.raises(UserError, match=r"a.csv cannot be written \(No space left on device\)"),
        new_file(tmp_path / "a.csv"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError), new_file(tmp_path / "a.csv"):
        (tmp_path / "nowhere").read_text()
    assert everything(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"1", b"null", b'{"a": ', b"\xff\xfe\x00", b"\x00" * 9, b"[" * 100_000]
)
def test_damaged_files_are_named_with_the_remedy(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a.json is damaged \(.+\); export it again$"):
        read_json(path, "export it again")


def test_what_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\); restore it from a copy"):
        read_json(tmp_path)
