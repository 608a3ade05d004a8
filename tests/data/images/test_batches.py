"""Batches of images: each once an epoch, seeded, augmented in training alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from image_archives import cached, images, whole

from nni_nasplus import UserError
from nni_nasplus.data.images import Augmentation, ImageDataModule, ImageEncoder


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
