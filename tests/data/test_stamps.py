"""Which files of data were edited, added or removed since they were prepared."""

from __future__ import annotations

import os
import shutil

import pytest

from nni_nasplus.data.stamps import changes, files_below, stamp, stamp_of_folder


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures, some of them behind a link, one of which leads to nothing."""
    for name in ("in/cat/1.png", "in/cat/2.PNG", "in/dog/1.png", "elsewhere/3.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "cat" / "none.png").symlink_to(tmp_path / "nothing")
    return tmp_path / "in"


def edit(folder):
    (folder / "cat" / "1.png").write_text("other")


def touch(folder):
    os.utime(folder / "cat" / "1.png", ns=(0, 0))


def edit_what_is_linked(folder):
    (folder.parent / "elsewhere" / "3.png").write_text("other")


def add(folder):
    (folder / "dog" / "2.Png").write_text("new")


def remove(folder):
    (folder / "dog" / "1.png").unlink()


def rename(folder):
    (folder / "cat" / "1.png").rename(folder / "dog" / "cat.png")


def rename_a_class(folder):
    (folder / "cat").rename(folder / "puma")


def edit_all(folder):
    for path in files_below(folder):
        path.write_text("the same")


def add_notes(folder):
    (folder / "cat" / "notes.txt").write_text("meow")
    (folder / ".hidden.png").write_text("meow")


def remove_all(folder):
    shutil.rmtree(folder)


CHANGES = [
    (edit, ["{0}/cat/1.png was edited"]),
    (touch, ["{0}/cat/1.png was edited"]),
    (edit_what_is_linked, ["{0}/linked/3.png was edited"]),
    (add, ["{0}/dog/2.Png was added"]),
    (remove, ["{0}/dog/1.png was removed"]),
    (rename, ["{0}/dog/cat.png was added", "{0}/cat/1.png was removed"]),
    (
        rename_a_class,
        [
            f"{', '.join(f'{{0}}/{name}/{n}' for n in ('1.png', '2.PNG', 'none.png'))} were {how}"
            for name, how in (("puma", "added"), ("cat", "removed"))
        ],
    ),
    (edit_all, ["{0}/cat/1.png, {0}/cat/2.PNG, {0}/cat/none.png and 2 more were edited"]),
    (add_notes, []),
    (remove_all, []),
]


@pytest.mark.parametrize(("change", "lines"), CHANGES)
def test_what_was_changed_in_a_folder_is_named(pictures, change, lines):
    before = {"source": stamp_of_folder(pictures, list(files_below(pictures))), "size": 4}
    assert changes(before) == []
    change(pictures)
    assert changes(before) == [line.format(pictures) for line in lines]


def test_files_by_themselves_are_named_unless_they_are_gone(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text("1")
    before = {"events": {"files": [stamp(path) for path in paths[:2]]}, "labels": stamp(paths[2]), "seed": 1}
    assert changes(before) == []
    paths[0].write_text("12")
    paths[1].unlink()
    paths[2].write_text("12")
    assert changes(before) == [f"{paths[0]}, {paths[2]} were edited"]
