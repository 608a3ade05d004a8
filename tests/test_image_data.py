"""Prepared images: what sources say, what is measured on training images, and how those are changed."""

from __future__ import annotations

import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nni_nasplus import UserError
from nni_nasplus.data.images import Augmentation, ImageDataModule, ImageEncoder, preparation, prepare_images
from nni_nasplus.data.images.arrays import ImageArrays
from nni_nasplus.data.images.augmentation import cutout, random_crop, random_flip
from nni_nasplus.data.images.pictures import squared


def images(count=60, size=8, channels=1, seed=0):
    shape = (count, size, size) if channels == 1 else (count, size, size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def archive(folder, name="images.npz", **arrays):
    """Sixty images of three classes, or those given."""
    content = {"x_train": images(), "y_train": np.arange(60) % 3, **arrays}
    np.savez(folder / name, **{key: value for key, value in content.items() if value is not None})
    return folder / name


def cached(folder, out="cache", *, size=None, seed=0, **arrays):
    return prepare_images(archive(folder, **arrays), out=folder / out, size=size, seed=seed, progress=False)


def pictures(folder, kind, values):
    folder.mkdir(parents=True, exist_ok=True)
    for number, value in enumerate(values):
        Image.fromarray(value).save(folder / f"{number:03d}.{kind}")


def whole(loader):
    """All images and labels of a pass."""
    batches = list(loader)
    return torch.cat([batch.images for batch in batches]), torch.cat([batch.label for batch in batches])


class TestAugmentation:
    def test_a_crop_is_one_of_the_moved_images_each_as_likely(self):
        count, size, padding = 4000, 5, 1
        original = torch.arange(1, 2 * size * size + 1).float().reshape(1, 2, size, size).repeat(count, 1, 1, 1)
        found = random_crop(original, padding, torch.Generator().manual_seed(0))
        moved = {}
        for down in range(-padding, padding + 1):
            for right in range(-padding, padding + 1):
                image = torch.zeros(2, size, size)
                for row in range(size):
                    for column in range(size):
                        if 0 <= row + down < size and 0 <= column + right < size:
                            image[:, row, column] = original[0, :, row + down, column + right]
                moved[tuple(image.flatten().tolist())] = down, right
        seen = Counter(moved[tuple(image.flatten().tolist())] for image in found)
        assert len(seen) == 9
        assert sum((n - count / 9) ** 2 / (count / 9) for n in seen.values()) < 26, "χ² of 8 degrees, p = .001"

    def test_half_of_the_images_are_mirrored_whole(self):
        original = torch.randn(1000, 3, 4, 6)
        found = random_flip(original, torch.Generator().manual_seed(0))
        kept = (found == original).flatten(1).all(1)
        mirrored = torch.stack([torch.stack([image[..., 5 - i] for i in range(6)], -1) for image in original])
        assert torch.equal(found[~kept], mirrored[~kept])
        assert 450 < kept.sum() < 550

    @pytest.mark.parametrize("side", [1, 2, 3, 4])
    def test_cutout_is_a_square_around_any_pixel_cut_at_the_border(self, side):
        height, width, count = 5, 6, 3000
        found = cutout(torch.ones(count, 2, height, width), side, torch.Generator().manual_seed(0))
        squares = {}
        for row in range(height):
            for column in range(width):
                image = torch.ones(2, height, width)
                top, left = row - side // 2, column - side // 2
                image[:, max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)] = 0
                squares.setdefault(tuple(image.flatten().tolist()), []).append((row, column))
        seen = Counter(tuple(image.flatten().tolist()) for image in found)
        assert set(seen) == set(squares)
        for image, places in squares.items():
            assert seen[image] == pytest.approx(count / 30 * len(places), rel=0.5)

    def test_black_comes_in_and_the_mean_hides(self, tmp_path):
        cache = cached(tmp_path, x_train=images(channels=3), y_train=np.arange(60) % 3)
        encoder = ImageEncoder.load(cache)
        black = [-mean / std for mean, std in zip(encoder.mean, encoder.std, strict=True)]
        data = ImageDataModule(cache, 60, Augmentation(crop=8, flip=False))
        cropped, _ = whole(data.train_dataloader())
        corners = torch.stack([cropped[..., i, j] for i in (0, -1) for j in (0, -1)]).flatten(0, 1)
        assert (corners - torch.tensor(black)).abs().sum(1).lt(1e-5).float().mean() > 0.5
        hidden, _ = whole(ImageDataModule(cache, 60, Augmentation(0, False, 3)).train_dataloader())
        holes = (hidden == 0).all(1).flatten(1).sum(1)
        assert set(holes.tolist()) <= {4, 6, 9}
        assert 9 in holes

    def test_negative_numbers_are_refused(self):
        with pytest.raises(UserError, match="crop is -1; use 0 or more pixels"):
            Augmentation(crop=-1)
        with pytest.raises(UserError, match="cutout is -2; use 0 or more pixels"):
            Augmentation(cutout=-2)


class TestBatches:
    def test_an_epoch_has_every_training_image_once_and_is_its_own(self, tmp_path):
        cache = cached(tmp_path)
        loader = ImageDataModule(cache, 10, seed=3).train_dataloader()
        first, second = whole(loader), whole(loader)
        again = whole(ImageDataModule(cache, 10, seed=3).train_dataloader())
        other = whole(ImageDataModule(cache, 10, seed=4).train_dataloader())
        assert torch.equal(first[0], again[0])
        assert not torch.equal(first[0], second[0])
        assert not torch.equal(first[0], other[0])
        rows = {tuple(image.flatten().tolist()): label for image, label in zip(*first, strict=True)}
        assert len(rows) == len(first[0]) == ImageDataModule(cache).sizes["train"]
        assert all(rows[tuple(image.flatten().tolist())] == label for image, label in zip(*second, strict=True))
        assert len(second[0]) == len(first[0])

    @given(count=st.integers(4, 60), batch_size=st.integers(2, 70))
    @settings(max_examples=30, deadline=None)
    def test_training_batches_are_of_one_size_but_for_one_image(self, tmp_path_factory, count, batch_size):
        folder = tmp_path_factory.mktemp("images")
        labels, rest = np.arange(count) % 2, {"x_val": images(2), "y_val": [0, 1], "x_test": images(2)}
        cache = cached(folder, x_train=images(count), y_train=labels, **rest, y_test=[0, 1])
        sizes = [len(batch.label) for batch in ImageDataModule(cache, batch_size).train_dataloader()]
        assert sum(sizes) == count
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1

    def test_augmentation_is_of_training_alone_and_a_function_of_seed_and_epoch(self, tmp_path):
        cache = cached(tmp_path)
        strong = Augmentation(crop=2, flip=True, cutout=3)
        plain, changed = ImageDataModule(cache), ImageDataModule(cache, augmentation=strong)
        for split in ("val", "test"):
            loaders = [getattr(data, f"{split}_dataloader") for data in (plain, changed)]
            one, other = (whole(loader()) for loader in loaders)
            assert torch.equal(one[0], other[0])
            encoder, arrays = ImageEncoder.load(cache), plain.arrays
            expected = (arrays.images[arrays.rows(split), ..., 0] - encoder.mean[0]) / encoder.std[0]
            np.testing.assert_allclose(one[0][:, 0], expected, rtol=1e-5, atol=1e-6)
            assert one[1].tolist() == arrays.label[arrays.rows(split)].tolist()
        loader = changed.train_dataloader()
        first, second = whole(loader), whole(loader)
        assert torch.equal(first[0], whole(ImageDataModule(cache, augmentation=strong).train_dataloader())[0])
        loader.sampler.set_epoch(1)
        assert torch.equal(second[0], whole(loader)[0])
        kept = {tuple(image.flatten().tolist()) for image in whole(plain.train_dataloader())[0]}
        assert not kept & {tuple(image.flatten().tolist()) for image in first[0]}

    def test_what_is_random_differs_from_batch_to_batch(self, tmp_path):
        loader = ImageDataModule(cached(tmp_path), 6, Augmentation(0, False, 3)).train_dataloader()
        masks = {tuple((batch.images == 0).flatten().tolist()) for batch in loader}
        assert len(masks) == len(loader) == 7

    def test_a_batch_of_one_is_refused(self, tmp_path):
        with pytest.raises(UserError, match="batch_size is 1; use 2 or more"):
            ImageDataModule(cached(tmp_path), 1)


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


class Summing(torch.nn.Module):
    """Logits are the sums of an image above and below a line."""

    def forward(self, x):
        return torch.stack([x[..., :3, :].sum((1, 2, 3)), x[..., 3:, :].sum((1, 2, 3)), 0 * x[:, 0, 0, 0]], 1)


class TestNewImages:
    @pytest.fixture
    def encoder(self, tmp_path):
        return ImageEncoder.load(cached(tmp_path))

    def test_they_are_taken_through_what_test_images_are(self, tmp_path):
        new = images(300, seed=1)
        cache = cached(tmp_path, size=6, x_test=new, y_test=np.zeros(300, int))
        encoder = ImageEncoder.load(cache)
        table = encoder.predict(Summing(), tmp_path / "images.npz")
        assert list(table.columns) == ["image", "p_0", "p_1", "p_2"]
        assert table["image"].tolist() == list(range(300))
        tested, _ = whole(ImageDataModule(cache).test_dataloader())
        np.testing.assert_allclose(table.iloc[:, 1:], Summing()(tested).softmax(-1), atol=1e-6)
        np.savez(tmp_path / "new.npz", x=new[:7], x_test=new[8:])
        assert len(encoder.predict(Summing(), tmp_path / "new.npz")) == 7

    def test_pictures_are_named_and_become_grey(self, tmp_path, encoder):
        pictures(tmp_path / "new" / "deep", "png", images(3, seed=1))
        colour = np.repeat(images(2, seed=2)[..., None], 3, 3)
        pictures(tmp_path / "new", "png", colour)
        table = encoder.predict(Summing(), tmp_path / "new")
        assert table["image"].tolist() == ["000.png", "001.png", "deep/000.png", "deep/001.png", "deep/002.png"]
        np.savez(tmp_path / "new.npz", x=np.concatenate([images(2, seed=2), images(3, seed=1)]))
        expected = encoder.predict(Summing(), tmp_path / "new.npz")
        np.testing.assert_allclose(table.iloc[:, 1:], expected.iloc[:, 1:], atol=1e-6)
        one = encoder.predict(Summing(), tmp_path / "new" / "001.png")
        assert one["image"].tolist() == ["001.png"]
        np.testing.assert_allclose(one.iloc[:, 1:], table.iloc[1:2, 1:], atol=1e-6)

    def test_others_than_those_of_training_are_named(self, tmp_path, encoder):
        np.savez(tmp_path / "large.npz", x=images(3, 9))
        with pytest.raises(UserError, match=r"the images are 9×9×1, those of training 8×8×1: make them alike"):
            encoder.predict(Summing(), tmp_path / "large.npz")
        np.savez(tmp_path / "colour.npz", x=images(3, channels=3))
        with pytest.raises(UserError, match=r"the images are 8×8×3, those of training 8×8×1"):
            encoder.predict(Summing(), tmp_path / "colour.npz")
        np.savez(tmp_path / "others.npz", y=images(3))
        with pytest.raises(UserError, match=r"others.npz has neither x nor x_test"):
            encoder.predict(Summing(), tmp_path / "others.npz")
        (tmp_path / "empty").mkdir()
        with pytest.raises(UserError, match=r"empty has no pictures: name an .npz archive, a picture, or a folder"):
            encoder.predict(Summing(), tmp_path / "empty")
        for name in ("nowhere.png", "nowhere.npz"):
            with pytest.raises(UserError, match=name):
                encoder.predict(Summing(), tmp_path / name)

    def test_an_encoder_goes_from_folder_to_folder(self, tmp_path, encoder):
        encoder.save(tmp_path / "exported")
        assert ImageEncoder.load(tmp_path / "exported") == encoder
        with pytest.raises(UserError, match=r"no .*preprocessing.json: run prepare_images first"):
            ImageEncoder.load(tmp_path / "nowhere")
        (tmp_path / "exported" / "preprocessing.json").write_text('{"version": 9}')
        with pytest.raises(UserError, match="is of another version"):
            ImageEncoder.load(tmp_path / "exported")


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
