"""A cache of images is prepared once, whoever asks, and may be moved."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from image_archives import archive, cached, images, whole

from nni_nasplus import UserError
from nni_nasplus.data.images import ImageDataModule, preparation, prepare_images
from nni_nasplus.data.images.arrays import ImageArrays


class TestCache:
    def test_images_are_prepared_once_and_others_are_refused(self, tmp_path):
        cache = cached(tmp_path)
        before = (cache / "images.npy").stat().st_mtime_ns
        prepare_images(tmp_path / "images.npz", out=cache)
        assert (cache / "images.npy").stat().st_mtime_ns == before
        with pytest.raises(UserError, match="was prepared from other size, seed: delete it, or choose another folder"):
            prepare_images(tmp_path / "images.npz", out=cache, size=4, seed=1)
        archive(tmp_path, x_train=images(seed=9))
        with pytest.raises(UserError, match="was prepared from other source"):
            prepare_images(tmp_path / "images.npz", out=cache)
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").touch()
        with pytest.raises(UserError, match="exists and holds no prepared images: choose another folder"):
            prepare_images(tmp_path / "images.npz", out=tmp_path / "mine")
        with pytest.raises(UserError, match="holds no prepared images: run prepare_images first"):
            ImageDataModule(tmp_path / "mine")

    def test_an_interrupted_preparation_leaves_nothing_and_can_be_repeated(self, tmp_path, monkeypatch):
        class Died(BaseException):
            pass

        def dying(self, folder):
            np.save(folder / "images.npy", self.images)
            raise Died

        with monkeypatch.context() as patch:
            patch.setattr(ImageArrays, "save", dying)
            with pytest.raises(Died):
                cached(tmp_path)
        assert not [path for path in tmp_path.iterdir() if path.is_dir()]
        (tmp_path / ".cache.partial").mkdir()
        (tmp_path / ".cache.partial" / "images.npy").write_bytes(b"half")
        assert ImageDataModule(cached(tmp_path)).sizes == {"train": 42, "val": 9, "test": 9}

    def test_those_who_prepare_at_a_time_do_it_once(self, tmp_path, monkeypatch):
        calls, read = [], preparation.read_images
        monkeypatch.setattr(preparation, "read_images", lambda *a, **k: calls.append(1) or read(*a, **k))
        source = archive(tmp_path)
        with ThreadPoolExecutor(4) as pool:
            caches = list(pool.map(lambda _: prepare_images(source, out=tmp_path / "c", progress=False), range(4)))
        assert len(calls) == 1
        assert len({*caches}) == 1

    def test_a_cache_may_be_moved(self, tmp_path):
        moved = shutil.move(cached(tmp_path), tmp_path / "moved")
        assert len(whole(ImageDataModule(moved).val_dataloader())[0]) == 9
