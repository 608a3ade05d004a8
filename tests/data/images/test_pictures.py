"""Folders of pictures, and the sizes that they are brought to."""

from __future__ import annotations

import numpy as np
import pytest
from image_archives import cached, images, pictures
from PIL import Image

from nni_nasplus import UserError
from nni_nasplus.data.images import ImageDataModule, ImageEncoder, prepare_images
from nni_nasplus.data.images.arrays import ImageArrays
from nni_nasplus.data.images.pictures import read_pictures, squared


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
            with pytest.raises(UserError, match=r"^1 of 9 pictures cannot be read: \S*005.png \(.+\); mend or remove"):
                prepare_images(tmp_path / "p", out=tmp_path / "cache", progress=False)
        Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(broken)
        with pytest.raises(UserError, match=r"005.png \(more than 8 bits a pixel: convert it"):
            prepare_images(tmp_path / "p", out=tmp_path / "cache", progress=False)
        assert not (tmp_path / "cache").exists()

    def test_all_damaged_pictures_are_counted_and_can_be_left_out(self, tmp_path, caplog):
        for name in ("a", "b"):
            pictures(tmp_path / "p" / name, "png", images(9))
        for number in range(5):
            (tmp_path / "p" / "a" / f"{number:03d}.png").write_bytes(b"text")
        with pytest.raises(UserError, match=r"^5 of 18 pictures cannot be read: .*002.png \(no picture\) and 2 more; "):
            prepare_images(tmp_path / "p", out=tmp_path / "cache", progress=False)
        cache = prepare_images(tmp_path / "p", out=tmp_path / "cache", skip_damaged=True, progress=False)
        assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
            "5 of 18 pictures cannot be read and are left out"
        ]
        found = ImageArrays.open(cache)
        assert np.bincount(found.label).tolist() == [4, 9]
        np.testing.assert_array_equal(found.images[..., 0], [*images(9)[5:], *images(9)])
        caplog.clear()
        table = ImageEncoder.load(cache).predict(lambda batch: batch[:, 0, 0, :2], tmp_path / "p", skip_damaged=True)
        assert len(table) == 13
        assert "5 of 18" in caplog.text


COLOURS = {"red": (204, 51, 51), "grey": (102, 102, 102)}
"""Of the palette that Pillow makes pictures of."""


def painted(colour, kind="RGB"):
    """A picture of two rows and three columns, of which the upper left pixel is white."""
    picture = Image.new("RGB", (3, 2), COLOURS[colour])
    picture.putpixel((0, 0), (255, 255, 255))
    return picture.convert(kind)


def transparent(kind):
    """Red where it is opaque, and white for people elsewhere, whatever lies below."""
    picture = Image.new("RGBA", (3, 2), (*COLOURS["red"], 255))
    picture.putpixel((0, 0), (1, 2, 3, 0))
    return picture.convert(kind)


def turned(orientation, turns):
    """A picture that a camera has kept lying on its side."""
    picture = painted("red").transpose(turns)
    picture.getexif()[0x0112] = orientation
    return picture


SEEN = [
    ("p.png", painted("red"), "red"),
    ("p.png", painted("red", "P"), "red"),
    ("p.gif", painted("red", "P"), "red"),
    ("p.tif", painted("red", "CMYK"), "red"),
    ("p.bmp", painted("red"), "red"),
    ("p.PPM", painted("red"), "red"),
    ("p.png", painted("grey", "L"), "grey"),
    ("p.png", painted("grey", "LA"), "grey"),
    ("p.png", transparent("RGBA"), "red"),
    ("p.png", transparent("P"), "red"),
    ("p.png", turned(6, Image.Transpose.ROTATE_90), "red"),
    ("p.png", turned(3, Image.Transpose.ROTATE_180), "red"),
    ("p.png", turned(2, Image.Transpose.FLIP_LEFT_RIGHT), "red"),
]
"""Files of a picture that people see as :func:`painted`."""


@pytest.mark.parametrize(("name", "picture", "colour"), SEEN)
def test_pictures_are_read_as_people_see_them(tmp_path, name, picture, colour):
    picture.save(tmp_path / name, **({"exif": picture.getexif()} if picture.getexif() else {}))
    _, (found,) = read_pictures([tmp_path / name], channels=3)
    expected = np.asarray(painted(colour)).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1
    _, (found,) = read_pictures([tmp_path / name])
    assert found.shape[2] == (1 if colour == "grey" else 3)


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
