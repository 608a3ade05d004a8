"""Augmentation of images: crops, flips and cutout."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from image_archives import cached, images, whole

from nni_nasplus import UserError
from nni_nasplus.data.images import Augmentation, ImageDataModule, ImageEncoder
from nni_nasplus.data.images.augmentation import cutout, random_crop, random_flip


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
