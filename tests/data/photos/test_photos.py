"""Photographs and the small ones made of them: splits, patches, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from PIL import Image

from nni_nasplus import UserError
from nni_nasplus.data.photos import PhotoDataModule, PhotoEncoder, PhotoShape, prepare_photos
from nni_nasplus.data.photos.encoder import reduced
from nni_nasplus.data.photos.preparation import names_in


def photos(folder, *sizes, mode="RGB"):
    """Smooth pictures, each of other colours."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (width, height) in enumerate(sizes):
        across, down = np.meshgrid(np.arange(width), np.arange(height))
        pixels = np.stack([across * 3 + 20 * number, down * 3, across + down], -1).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{len(list(folder.iterdir()))}.png")
    return folder


def prepared(folder, tmp_path, **options):
    cache = prepare_photos(folder, out=tmp_path / "cache", **{"patch": 6, **options})
    return PhotoDataModule(cache, batch_size=4, patch=6, patches=8)


def test_of_two_photographs_one_tests_and_the_lowest_quarter_of_the_other_validates(tmp_path):
    data = prepared(photos(tmp_path / "in", (41, 65), (41, 65)), tmp_path)
    (val,), (test,) = list(data.val_dataloader()), list(data.test_dataloader())
    assert test.label.shape == (1, 3, 64, 40)
    assert val.label.shape == (1, 3, 16, 40)
    assert test.low.shape == (1, 3, 32, 20)
    assert data.shape == PhotoShape(2, 3)


def published(folder, factor=2, sizes=((24, 20), (20, 28), (20, 24))):
    """Photographs in the layout of DIV2K, whose small ones are their upper left corner, to tell them from reduced ones;
    there are small ones that are degraded otherwise too."""
    for part, first, own in (("train", 1, sizes), ("valid", 801, sizes[:2])):
        photos(folder / f"DIV2K_{part}_HR", *((width * factor, height * factor) for width, height in own))
        for number, path in enumerate(sorted((folder / f"DIV2K_{part}_HR").iterdir()), first):
            whole = path.rename(path.with_name(f"{number:04}.png"))
            with Image.open(whole) as picture:
                small = picture.crop((0, 0, picture.width // factor, picture.height // factor))
            for how in ("bicubic", "unknown"):
                place = folder / f"DIV2K_{part}_LR_{how}" / f"X{factor}"
                place.mkdir(parents=True, exist_ok=True)
                small.save(place / f"{number:04}x{factor}.png")
    return folder


def test_in_the_published_layout_the_small_ones_are_those_given_and_folders_say_who_validates(tmp_path):
    folder = published(tmp_path / "in")
    data = prepared(folder, tmp_path)
    assert names_in(data.cache, "val") == ["DIV2K_valid_HR/0801.png", "DIV2K_valid_HR/0802.png"]
    assert sorted(names_in(data.cache, "train") + names_in(data.cache, "test")) == [
        f"DIV2K_train_HR/000{number}.png" for number in (1, 2, 3)
    ]
    for batch in (*data.val_dataloader(), *data.test_dataloader()):
        height, width = batch.low.shape[2:]
        assert batch.label.shape[2:] == (2 * height, 2 * width)
        assert torch.equal(batch.low, batch.label[..., :height, :width])


def test_for_a_factor_without_small_ones_they_are_made(tmp_path):
    data = prepared(published(tmp_path / "in"), tmp_path, scale_factor=4)
    assert [batch.label.shape[2:] for batch in data.val_dataloader()] == [(40, 48), (56, 40)]
    assert all(torch.equal(batch.low, reduced(batch.label, 4)) for batch in data.val_dataloader())


def test_a_small_one_that_is_missing_or_of_another_size_is_named(tmp_path):
    small = published(tmp_path / "in") / "DIV2K_train_LR_bicubic" / "X2" / "0002x2.png"
    small.rename(tmp_path / "away.png")
    with pytest.raises(UserError, match=r"X2/0002x2\.png is missing, the small picture of .*0002\.png; add it"):
        prepared(tmp_path / "in", tmp_path)
    Image.new("RGB", (20, 27)).save(small)
    with pytest.raises(UserError, match=r"0002x2\.png has 20×27 pixels, and .*0002\.png made small 20×28"):
        prepared(tmp_path / "in", tmp_path)
    Image.new("L", (20, 28)).save(small)
    with pytest.raises(UserError, match=r"0002x2\.png is grey and .*\.png in colour"):
        prepared(tmp_path / "in", tmp_path)


def test_what_does_not_divide_by_the_factor_is_cut_off_on_the_right_and_below(tmp_path):
    data = prepared(photos(tmp_path / "in", (43, 44), (45, 46)), tmp_path, scale_factor=3, patch=3)
    (test,), (name,) = data.test_dataloader(), names_in(data.cache, "test")
    with Image.open(tmp_path / "in" / name) as picture:
        whole = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255
    assert torch.equal(test.label[0], whole[:, : test.label.shape[2], : test.label.shape[3]])
    assert test.label.shape[2:] == (whole.shape[1] // 3 * 3, whole.shape[2] // 3 * 3)


def test_a_patch_is_where_its_small_one_is_and_epochs_draw_anew(tmp_path):
    data = prepared(photos(tmp_path / "in", (60, 80), (60, 80)), tmp_path)
    loader = data.train_dataloader()
    first, second = list(loader), list(loader)
    assert [tuple(batch.low.shape) for batch in first] == [(4, 3, 6, 6)] * 2
    for batch in first:
        again = torch.nn.functional.avg_pool2d(batch.label, 2)
        assert (again - batch.low)[..., 1:-1, 1:-1].abs().max() < 0.03
    assert not torch.equal(first[0].low, second[0].low)
    assert torch.equal(first[0].low, next(iter(data.train_dataloader())).low)


def test_a_picture_of_one_colour_stays_so_when_it_is_made_small():
    assert torch.allclose(reduced(torch.full((1, 3, 12, 12), 51 / 255), 3), torch.full((1, 3, 4, 4), 51 / 255))


@pytest.mark.parametrize(
    ("sizes", "options", "said"),
    [
        ([(60, 60)], {}, "has 1 photographs; give two or more"),
        ([(60, 60), (60, 60)], {"scale_factor": 5}, "the scale factor is 5; use 2, 3 or 4"),
        ([(60, 60), (60, 60)], {"patch": 0}, "patch is 0; use 1 or more"),
        ([(60, 11), (60, 11)], {}, "pixels to learn from, a patch 12×12; use a smaller --patch"),
    ],
)
def test_what_cannot_be_learned_from_is_named(sizes, options, said, tmp_path):
    with pytest.raises(UserError, match=re.escape(said)):
        prepared(photos(tmp_path / "in", *sizes), tmp_path, **options)
    assert not (tmp_path / "cache").exists()


def test_grey_and_colour_are_not_mixed(tmp_path):
    folder = photos(tmp_path / "in", (60, 60), (60, 60))
    photos(folder, (60, 60), mode="L")
    with pytest.raises(UserError, match=r"2\.png is grey and .*[01]\.png in colour; give photographs of one kind"):
        prepared(folder, tmp_path)


class Doubled(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.interpolate(x, scale_factor=2)


def test_new_pictures_are_enlarged_into_a_folder(tmp_path):
    photos(tmp_path / "in", (20, 30), (16, 16))
    encoder = PhotoEncoder(PhotoShape(2, 3))
    encoder.require_fit(Doubled(), {"scale_factor": 2})
    table = encoder.predict(Doubled(), tmp_path / "in", pictures=tmp_path / "out")
    assert table.to_dict("list") == {"picture": ["0.png", "1.png"], "width": [40, 32], "height": [60, 32]}
    assert Image.open(tmp_path / "out" / "0.png").size == (40, 60)
    with pytest.raises(UserError, match="with --pictures"):
        encoder.predict(Doubled(), tmp_path / "in")
    with pytest.raises(ValueError, match="becomes one of shape"):
        PhotoEncoder(PhotoShape(3, 3)).require_fit(Doubled(), {})
