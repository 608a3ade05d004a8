"""New images are taken through what test images are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from image_archives import cached, images, pictures, whole

from nni_nasplus import UserError
from nni_nasplus.data.images import ImageDataModule, ImageEncoder


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
