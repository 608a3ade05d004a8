"""Preparing images: splits, normalisation, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from image_archives import archive, cached, images, whole

from nni_nasplus import UserError
from nni_nasplus.data.images import ImageDataModule, ImageEncoder, prepare_images
from nni_nasplus.data.images.arrays import ImageArrays


class TestNormalisation:
    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("kind", [np.uint8, np.float64])
    def test_training_images_have_mean_0_and_variance_1_in_each_channel(self, tmp_path, channels, kind):
        values = images(channels=3).astype(kind) // np.array([1, 2, 5], kind)
        values = values if channels == 3 else values[..., 1]
        data = ImageDataModule(cached(tmp_path, x_train=values))
        assert data.shape.to_json() == {"classes": 3, "in_channels": channels, "size": 8}
        found, _ = whole(data.train_dataloader())
        assert found.dtype == torch.float32
        assert found.is_contiguous()
        torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(channels), atol=1e-5, rtol=0)
        torch.testing.assert_close(found.var((0, 2, 3), correction=0), torch.ones(channels), atol=1e-4, rtol=0)

    def test_only_training_images_are_measured(self, tmp_path):
        rest = {f"y_{split}": [0, 1, 2] for split in ("val", "test")}
        one, other = (
            ImageEncoder.load(
                cached(tmp_path, str(seed), x_val=images(3, seed=seed), x_test=images(3, seed=seed + 5), **rest)
            )
            for seed in (1, 2)
        )
        assert one == other
        assert one.mean[0] == pytest.approx(images().mean())
        assert one.std[0] == pytest.approx(images().std())

    def test_a_constant_channel_becomes_0(self, tmp_path):
        values = images(channels=3)
        values[..., 1] = 7
        found, _ = whole(ImageDataModule(cached(tmp_path, x_train=values)).val_dataloader())
        assert (found[:, 1] == 0).all()
        assert found[:, 0].std() > 0.9

    def test_large_values_of_little_variance_are_scaled_too(self, tmp_path):
        values = 1e4 + np.random.default_rng(0).normal(size=(60, 8, 8))
        found, _ = whole(ImageDataModule(cached(tmp_path, x_train=values)).train_dataloader())
        assert found.std() == pytest.approx(1, abs=1e-2)


class TestSplits:
    def test_each_class_is_divided_by_the_shares(self, tmp_path):
        labels = np.repeat(["a", "b", "c"], [100, 20, 3])
        arrays = {"x_train": images(123), "y_train": labels}
        cache = cached(tmp_path, **arrays)
        found = ImageArrays.open(cache)
        table = [np.bincount(found.label[found.split == split], minlength=3).tolist() for split in range(3)]
        assert table == [[70, 14, 1], [15, 3, 1], [15, 3, 1]]
        assert ImageEncoder.load(cache).classes == ("a", "b", "c")
        again, other = (ImageArrays.open(cached(tmp_path, f"c{seed}", seed=seed, **arrays)) for seed in (0, 1))
        assert (again.split == found.split).all()
        assert (other.split != found.split).any()

    def test_what_the_source_divides_stays_so(self, tmp_path):
        test = {"x_test": images(6, seed=1), "y_test": np.arange(6)[:, None] % 3}
        found = ImageArrays.open(cached(tmp_path, **test))
        assert [(found.split == split).sum() for split in range(3)] == [51, 9, 6]
        assert (found.images[found.split == 2][..., 0] == images(6, seed=1)).all()
        assert found.label[found.split == 2].tolist() == [0, 1, 2, 0, 1, 2]

    @given(counts=st.lists(st.integers(3, 9), min_size=2, max_size=4), shares=st.tuples(*[st.floats(0.01, 0.49)] * 2))
    @settings(max_examples=40, deadline=None)
    def test_every_class_is_in_every_split_whatever_the_shares(self, tmp_path_factory, counts, shares):
        folder = tmp_path_factory.mktemp("images")
        labels = np.repeat(np.arange(len(counts)), counts)
        source = archive(folder, x_train=images(len(labels), 2), y_train=labels)
        found = ImageArrays.open(
            prepare_images(source, out=folder / "cache", validation=shares[0], test=shares[1], progress=False)
        )
        assert len({*zip(found.label.tolist(), found.split.tolist(), strict=True)}) == 3 * len(counts)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y_train": None}, r"images.npz has no y_train: it needs x_train and y_train"),
        ({"x_train": None}, r"images.npz has no x_train"),
        ({"x_train": np.zeros((60, 8, 8))}, r"the training images of .* are all the same: nothing can be learnt"),
        ({"x_train": np.tile(images(1), (60, 1, 1))}, r"are all the same"),
        ({"y_train": np.zeros(60, int)}, "all images are of class 0: two classes are needed"),
        ({"y_train": np.arange(60) // 58}, "class 1 has 2 images to train on: give 3 or more, or leave it out"),
        ({"x_test": images(2), "y_test": [0, 7]}, "class 7 has 0 images to train on: give 2 or more"),
        ({"y_train": np.arange(59)}, r"y_train has the shape \(59,\): give one label to each of the 60 images"),
        ({"x_test": images(2)}, r"y_test has the shape \(0,\): give one label to each of the 2 images"),
        ({"y_train": np.linspace(0, 1, 60)}, "y_train holds float64: use whole numbers or texts"),
        ({"x_train": images(60, channels=4)}, r"x_train has the shape \(60, 8, 8, 4\): use \(images, height, width\)"),
        ({"x_train": np.zeros((60, 64))}, r"x_train has the shape \(60, 64\)"),
        ({"x_train": np.full((60, 8, 8), np.nan)}, "x_train holds something else than finite numbers"),
        ({"x_train": np.full((60, 8, 8), "a")}, "x_train holds something else than finite numbers"),
        ({"x_train": np.zeros((60, 8, 8), complex)}, "x_train holds something else than finite numbers"),
        ({"x_train": np.zeros((0, 8, 8)), "y_train": []}, "x_train has no images"),
        ({"x_train": np.zeros((60, 8, 9))}, "are 8×9 pixels: set a size to make them square"),
        (
            {"x_test": images(2, 9), "y_test": [0, 1]},
            "images are 8×8×1 in x_train and 9×9×1 in x_test: make them alike",
        ),
        ({"x_test": images(2, channels=3), "y_test": [0, 1]}, "images are 8×8×1 in x_train and 8×8×3 in x_test"),
    ],
)
def test_arrays_that_are_no_images_are_named_and_leave_nothing(tmp_path, arrays, message):
    with pytest.raises(UserError, match=message):
        cached(tmp_path, **arrays)
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    for objects in ({"x_train": np.array([Trap()] * 60)}, {"y_train": np.array([Trap()] * 60)}):
        with pytest.raises(UserError, match=r"cannot be read \(.*\): write it by numpy.savez, without objects"):
            cached(tmp_path, **objects)
    assert not (tmp_path / "sprung").exists()


def test_files_that_are_no_archives_are_named(tmp_path):
    with pytest.raises(UserError, match=r"no .*nowhere\.npz: name an .npz archive, or a folder"):
        prepare_images(tmp_path / "nowhere.npz", out=tmp_path / "cache")
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(UserError, match=r"text.npz is no .npz archive"):
        prepare_images(tmp_path / "text.npz", out=tmp_path / "cache")
    (tmp_path / "folder" / "a").mkdir(parents=True)
    with pytest.raises(UserError, match=r"folder has no pictures to train on: put them into a folder for each class"):
        prepare_images(tmp_path / "folder", out=tmp_path / "cache")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size is 0; use 1 or more"),
        ({"validation": 0}, "the shares 0 and 0.15 leave nothing"),
        ({"validation": 0.5, "test": 0.5}, "the shares 0.5 and 0.5 leave nothing"),
    ],
)
def test_numbers_out_of_range_are_named(tmp_path, options, message):
    with pytest.raises(UserError, match=message):
        prepare_images(archive(tmp_path), out=tmp_path / "cache", **options)
