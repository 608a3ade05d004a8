"""Folders of pictures, and the sizes that they are brought to."""

from __future__ import annotations

import numpy as np
import pytest
from image_archives import cached, images, pictures
from PIL import Image

from nni_nasplus import UserError
from nni_nasplus.data.images import ImageDataModule, ImageEncoder, prepare_images
from nni_nasplus.data.images.arrays import ImageArrays
from nni_nasplus.data.images.pictures import squared


class TestFolders:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_pictures_are_what_their_array_would_be(self, tmp_path, channels):
        values = images(30, channels=channels)
        for number, name in enumerate(("ant", "bee", "cat")):
            pictures(tmp_path / "pictures" / name, "png", values[10 * number : 10 * (number + 1)])
        (tmp_path / "pictures" / "ant" / "notes.txt").touch()
        (tmp_path / "pictures" / "ant" / "._000.png").touch()
        labels = np.repeat(["ant", "bee", "cat"], 10)
        one = prepare_images(tmp_path / "pictures", out=tmp_path / "one", progress=False)
        other = cached(tmp_path, "other", x_train=values, y_train=labels)
        assert ImageEncoder.load(one) == ImageEncoder.load(other)
        for name in ("images", "label", "split"):
            np.testing.assert_array_equal(np.load(one / f"{name}.npy"), np.load(other / f"{name}.npy"))

    def test_folders_may_divide_the_images_and_a_class_may_be_called_train(self, tmp_path):
        for split, count in {"train": 6, "val": 3, "test": 2}.items():
            for name in ("boat", "train"):
                pictures(tmp_path / "divided" / split / name, "png", images(count))
        found = ImageArrays.open(prepare_images(tmp_path / "divided", out=tmp_path / "cache", progress=False))
        assert [(found.split == split).sum() for split in range(3)] == [12, 6, 4]
        whole = prepare_images(tmp_path / "divided" / "train", out=tmp_path / "whole", progress=False)
        assert ImageEncoder.load(whole).classes == ("boat", "train")

    def test_one_picture_in_colour_makes_all_so_and_jpegs_are_read(self, tmp_path):
        pictures(tmp_path / "p" / "a", "jpg", images(5, 16))
        pictures(tmp_path / "p" / "b", "png", images(5, 16, channels=3))
        found = ImageArrays.open(prepare_images(tmp_path / "p", out=tmp_path / "cache", progress=False))
        assert found.images.shape == (10, 16, 16, 3)
        assert (found.images[:5, ..., :1] == found.images[:5]).all()

    def test_sizes_that_differ_need_one_to_bring_them_to(self, tmp_path):
        pictures(tmp_path / "p" / "a", "png", [*images(4, 8), *images(4, 9)])
        pictures(tmp_path / "p" / "b", "png", images(4, 8))
        with pytest.raises(UserError, match=r"004.png is 9×9 pixels, .*000.png is 8×8: set a size"):
            prepare_images(tmp_path / "p", out=tmp_path / "cache", progress=False)
        cache = prepare_images(tmp_path / "p", out=tmp_path / "cache", size=6, progress=False)
        assert ImageDataModule(cache).shape.size == 6

    def test_what_is_no_picture_is_named(self, tmp_path):
        pictures(tmp_path / "p" / "a", "png", images(4))
        pictures(tmp_path / "p" / "b", "png", images(4))
        broken = tmp_path / "p" / "b" / "005.png"
        for content in (b"", b"text", (tmp_path / "p" / "a" / "000.png").read_bytes()[:60]):
            broken.write_bytes(content)
            with pytest.raises(UserError, match=r"005.png cannot be read \(.*\): remove it"):
                prepare_images(tmp_path / "p", out=tmp_path / "cache", progress=False)
        Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(broken)
        with pytest.raises(UserError, match=r"005.png has more than 8 bits a pixel: convert it"):
            prepare_images(tmp_path / "p", out=tmp_path / "cache", progress=False)
        assert not (tmp_path / "cache").exists()


class TestSizes:
    @pytest.mark.parametrize(("height", "width", "size"), [(12, 20, 6), (20, 12, 5), (7, 7, 14), (13, 13, 13)])
    def test_images_are_scaled_as_pillow_does_it_and_the_middle_is_kept(self, height, width, size):
        values = np.random.default_rng(0).integers(0, 256, (3, height, width, 3)).astype(np.uint8)
        found = squared(values, size)
        assert found.shape == (3, size, size, 3)
        assert found.dtype == np.uint8
        sides = [max(size, round(side * size / min(height, width))) for side in (height, width)]
        top, left = ((side - size) // 2 for side in sides)
        for one, other in zip(found, values, strict=True):
            picture = Image.fromarray(other).resize(sides[::-1], Image.Resampling.BILINEAR)
            expected = np.asarray(picture.crop((left, top, left + size, top + size)))
            assert np.abs(one.astype(int) - expected).max() <= 1

    def test_floats_stay_floats_and_many_are_scaled_alike(self):
        values = np.random.default_rng(0).random((150, 8, 8, 1)).astype(np.float32)
        found = squared(values, 4)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[140], squared(values[140:141], 4)[0], rtol=1e-6)

    def test_a_prepared_size_is_that_of_new_images_too(self, tmp_path):
        cache = cached(tmp_path, size=4)
        encoder = ImageEncoder.load(cache)
        assert (encoder.size, encoder.resized) == (4, True)
        np.testing.assert_array_equal(
            ImageArrays.open(cache).images, squared(images()[..., None], 4), "scaled once, before the cache"
        )
