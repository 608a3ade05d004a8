"""The logits on disk: bounded, computed once, whole or not there."""

from __future__ import annotations

import multiprocessing
import signal
import time
import warnings

import numpy as np
import pytest
from processes import run_python
from school import evaluator, stored, teachers

from nni_nasplus.training.distillation.logit_store import LogitStore


class TestStore:
    shape = (50, 3)

    def store(self, folder, files=9, ranking="abcdef"):
        size = LogitStore(folder, self.shape, 1, []).file_bytes
        return LogitStore(folder, self.shape, files * size, list(ranking))

    def logits(self, value=1.0):
        return np.full(self.shape, value, np.float32)

    def test_what_is_kept_is_what_was_computed(self, tmp_path):
        store = self.store(tmp_path)
        made = np.random.default_rng(0).normal(size=self.shape)
        assert np.array_equal(store.get("a", lambda: made), made.astype(np.float32))
        assert np.array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), made.astype(np.float32))
        assert (tmp_path / "a.npy").stat().st_size == store.file_bytes

    def test_the_bound_holds_and_the_best_stay(self, tmp_path):
        mapped = {}
        for names in ("f", "e", "dc", "bx", "a"):
            for name in names:
                mapped[name] = self.store(tmp_path, 3).get(name, lambda name=name: self.logits(ord(name)))
            assert sum(path.stat().st_size for path in tmp_path.glob("*.npy")) <= self.store(tmp_path, 3).max_bytes
        assert sorted(path.stem for path in tmp_path.glob("*.npy")) == ["a", "b", "c"]
        assert all((logits == ord(name)).all() for name, logits in mapped.items())

    def test_a_computation_of_another_shape_is_refused_and_leaves_nothing(self, tmp_path):
        with pytest.raises(ValueError, match=r"its logits are \[50, 4\], not \[50, 3\]"):
            self.store(tmp_path).get("a", lambda: np.zeros((50, 4), np.float32))
        assert not list(tmp_path.glob("*.npy"))

    def test_processes_that_want_the_same_compute_it_once(self, tmp_path):
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=_compute_slowly, args=(tmp_path, i)) for i in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0] * 4
        assert len((tmp_path / "computed").read_text()) == 1

    @pytest.mark.parametrize("point", ["computing", "writing"])
    def test_a_killed_holder_blocks_nobody_and_leaves_no_half_file(self, tmp_path, point):
        code = f"""
import os, pathlib, signal, numpy as np
from nni_nasplus.training.distillation.logit_store import LogitStore
die = lambda *ignored: os.kill(os.getpid(), signal.SIGKILL)
if {point!r} == "writing":
    os.fsync = die
store = LogitStore(pathlib.Path({str(tmp_path)!r}), (50, 3), 10**6, [])
store.get("a", die if {point!r} == "computing" else lambda: np.ones((50, 3)))
"""
        done = run_python(["-c", code])
        assert done.returncode == -signal.SIGKILL
        assert not list(tmp_path.glob("*.npy"))
        assert bool(list(tmp_path.glob(".*.partial"))) == (point == "writing")
        self.store(tmp_path).get("b", self.logits)
        assert not list(tmp_path.glob(".*.partial"))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.array_equal(self.store(tmp_path).get("a", self.logits), self.logits())

    def test_a_partial_file_of_a_living_writer_is_left_alone(self, tmp_path):
        store = self.store(tmp_path)

        def while_writing():
            (tmp_path / ".a.partial").touch()
            self.store(tmp_path).get("b", self.logits)
            assert (tmp_path / ".a.partial").exists()
            return self.logits()

        store.get("a", while_writing)
        assert sorted(path.stem for path in tmp_path.glob("*.npy")) == ["a", "b"]


def _compute_slowly(folder, worker):
    def compute():
        with (folder / "computed").open("a") as file:
            file.write("x")
        time.sleep(0.3)
        return np.full((50, 3), 7.0, np.float32)

    assert (LogitStore(folder, (50, 3), 10**6, []).get("a", compute) == 7).all()


def test_no_more_teachers_than_fit_the_bound(cache, space, run):
    size = LogitStore(run / "teachers", (len(evaluator(cache).examples().ids), 2), 1, []).file_bytes
    with pytest.warns(UserWarning, match="max_bytes is .* 2 of 3 teachers are used; use"):
        assert teachers(cache, space, run, max_bytes=2 * size).numbers == (1, 3)
    assert len(stored(run)) == 2
    with pytest.warns(UserWarning, match="0 of 3 teachers"):
        assert teachers(cache, space, run, max_bytes=10) is None
