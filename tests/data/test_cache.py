"""A cache is built once, published whole, and refused where it is another."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nni_nasplus import UserError
from nni_nasplus.data.cache import Cache, changed_inputs, map_array
from nni_nasplus.data.stamps import stamp


def cache_of(folder, header=None, **made_from):
    return Cache(folder / "deep" / "cache", header or {"kind": "toys", "version": 1}, made_from, "holds no toys")


def build(folder):
    np.save(folder / "toys.npy", np.arange(3))
    return {"sizes": 3}


def fail(folder):
    raise AssertionError(f"built {folder} again")


def test_what_is_built_lies_in_the_folder_with_what_it_was_made_from(tmp_path):
    out = cache_of(tmp_path, size=1).prepare(build)
    assert out == tmp_path / "deep" / "cache"
    assert sorted(path.name for path in out.iterdir()) == ["meta.json", "toys.npy"]
    meta = {"kind": "toys", "version": 1, "sizes": 3, "made_from": {"size": 1}}
    assert list(json.loads((out / "meta.json").read_text()).items()) == list(meta.items())


def test_a_ready_cache_is_not_built_again(tmp_path):
    cache_of(tmp_path, size=1).prepare(build)
    assert cache_of(tmp_path, size=1).is_ready()
    cache_of(tmp_path, size=1).prepare(fail)


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "deep" / "cache").mkdir(parents=True)
    assert not cache_of(tmp_path).is_ready()
    assert (cache_of(tmp_path).prepare(build) / "toys.npy").is_file()


@pytest.mark.parametrize(
    ("header", "made_from", "message"),
    [
        ({"kind": "toys", "version": 2}, {"size": 1}, "was prepared by another version: delete it"),
        ({"kind": "dolls", "version": 1}, {"size": 1}, "exists and holds no toys: choose another folder"),
        ({"format": 1}, {"size": 1}, "exists and holds no toys"),
        (None, {"size": 2, "seed": 3}, "was prepared from other size, seed: delete it, or choose another folder"),
        (None, {}, "was prepared from other size: delete it"),
        (None, {"size": 1, "seed": None}, "was prepared from other seed: delete it"),
    ],
)
def test_another_cache_is_refused_and_left_alone(tmp_path, header, made_from, message):
    out = cache_of(tmp_path, size=1).prepare(build)
    with pytest.raises(UserError, match=message):
        cache_of(tmp_path, header, **made_from).prepare(fail)
    assert cache_of(tmp_path, size=1).prepare(fail) == out


def test_a_file_in_its_place_is_refused(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "cache").write_text("my thesis")
    with pytest.raises(UserError, match="exists and holds no toys"):
        cache_of(tmp_path).prepare(fail)


def test_what_cannot_be_built_leaves_nothing(tmp_path):
    def half(folder):
        build(folder)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache_of(tmp_path).prepare(half)
    assert [path.name for path in (tmp_path / "deep").iterdir() if path.is_dir()] == []


def test_arrays_are_mapped_read_only(tmp_path):
    array = map_array(cache_of(tmp_path).prepare(build) / "toys.npy")
    assert type(array) is np.ndarray
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_inputs_that_were_edited_since_are_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a")
    out = Cache(tmp_path / "c", {"format": 1}, {"events": stamp(path)}, refusal="is none").prepare(lambda folder: {})
    assert changed_inputs(out) == []
    path.write_text("abc")
    assert changed_inputs(out) == [f"{path} was edited"]
    assert changed_inputs(tmp_path) == []


@pytest.mark.parametrize("meta", ["", "[]", "{}", '{"made_from": {"events": {"changed_ns": 1}}}'])
def test_a_damaged_list_of_inputs_is_named(tmp_path, meta):
    (tmp_path / "meta.json").write_text(meta)
    with pytest.raises(UserError, match=r"meta.json is damaged"):
        changed_inputs(tmp_path)
