"""Pictures that are shown as mistakes are the pictures that are mistaken."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from image_archives import cached
from PIL import Image

from nni_nasplus.data.images import ImageDataModule
from nni_nasplus.report.model.mistakes import mistakes
from nni_nasplus.training.predictions import Predictions


def picture(address):
    return np.asarray(Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))))


def test_the_surest_mistakes_come_first_each_with_its_own_picture(tmp_path):
    module = ImageDataModule(cached(tmp_path))
    rows = module.arrays.rows("test")
    labels = module.arrays.label[rows]
    outputs = 9 * np.eye(3, dtype=np.float32)[labels]
    outputs[2] = np.roll(outputs[2], 1) / 3
    outputs[5] = np.roll(outputs[5], 1)
    found = mistakes(module, Predictions(outputs, labels), "test")
    assert [one["true"] for one in found] == [str(labels[5]), str(labels[2])]
    assert [one["named"] for one in found] == [str((labels[i] + 1) % 3) for i in (5, 2)]
    for one, place in zip(found, (5, 2), strict=True):
        assert np.array_equal(picture(one["picture"]), module.arrays.images[rows[place]][..., 0])


def test_predictions_of_other_images_show_none(tmp_path):
    module = ImageDataModule(cached(tmp_path))
    labels = (module.arrays.label[module.arrays.rows("test")] + 1) % 3
    assert mistakes(module, Predictions(np.zeros((len(labels), 3), np.float32), labels), "test") == []


def test_numbers_of_any_range_become_pictures(tmp_path):
    images = np.random.default_rng(0).normal(size=(60, 8, 8, 3)).astype(np.float32)
    module = ImageDataModule(cached(tmp_path, x_train=images))
    labels = module.arrays.label[module.arrays.rows("val")]
    wrong = 9 * np.eye(3, dtype=np.float32)[(labels + 1) % 3]
    for one in mistakes(module, Predictions(wrong, labels), "val"):
        assert (picture(one["picture"]).min(), picture(one["picture"]).max()) == (0, 255)
