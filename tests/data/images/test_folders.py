"""Which pictures of a folder are read, of which class and part they are, and what is said of the others."""

from __future__ import annotations

import numpy as np
import pytest
from image_archives import archive, images
from PIL import Image

from nni_nasplus import UserError
from nni_nasplus.data.images import prepare_images
from nni_nasplus.data.images.arrays import ImageArrays
from nni_nasplus.data.images.folders import labelled_pictures, part_of, pictures_below

TWO = ["cat/1.png", "dog/1.png"]


def below(part, *paths):
    return [f"{part}/{path}" for path in paths or TWO]


def folder_of(tmp_path, paths):
    """A folder of empty files; a path that ends with a slash is a folder."""
    for path in paths:
        place = tmp_path / "data" / path
        (place if path.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if not path.endswith("/"):
            place.touch()
    return tmp_path / "data"


READ = [
    (TWO, [2, 0, 0], ""),
    (below("train") + below("val") + below("test"), [2, 2, 2], ""),
    (below("train") + below("valid"), [2, 2, 0], ""),
    (below("train") + below("validation"), [2, 2, 0], ""),
    (below("Train") + below("VAL") + below("Test"), [2, 2, 2], ""),
    (below("training") + below("dev") + below("testing"), [2, 2, 2], ""),
    (below("train2017") + below("val2017"), [2, 2, 0], ""),
    (below("train_images") + below("test_images"), [2, 0, 2], ""),
    (below("train") + below("test"), [2, 0, 2], ""),
    (below("train"), [2, 0, 0], ""),
    (below("train") + below("extra"), [2, 0, 0], "outside the folders of the classes are not read: extra (2)"),
    ([*below("train"), "test/1.png"], [2, 0, 0], "are not read: test (1)"),
    (below("train", *TWO, "loose.jpg"), [2, 0, 0], "are not read: train (1)"),
    ([*TWO, "loose.png"], [2, 0, 0], "are not read: . (1)"),
    (below("train") + below("val", "cat/1.png"), [2, 1, 0], "no pictures in val/dog"),
    (below("train") + below("val", *TWO, "cow/1.png"), [2, 3, 0], "no pictures in train/cow"),
    (below("train", *TWO, "cow/"), [2, 0, 0], "no pictures in train/cow"),
    ([*below("train"), "valid/"], [2, 0, 0], "no pictures in valid"),
    ([*TWO, "cow/", "hen/notes.txt"], [2, 0, 0], "no pictures in cow, hen"),
    ([*TWO, "cat/2020/may/1.png", "dog/old/1.png"], [4, 0, 0], ""),
    (below("train", *TWO, "cat/old/1.png"), [3, 0, 0], ""),
    ([*TWO, "cat/.DS_Store", "cat/Thumbs.db", "dog/._1.png", ".cache/1.png", "__MACOSX/cat/1.png"], [2, 0, 0], ""),
    ([*TWO, "cat/.ipynb_checkpoints/1.png", "README.md", "cat/labels.csv"], [2, 0, 0], ""),
    ([*TWO, "cat/2.JPG", "dog/2.jfif", "dog/3.webp"], [5, 0, 0], ""),
    ([*TWO, "cat/2.svg"], [2, 0, 0], "unknown formats are not read: cat/2.svg; convert them"),
    (["train/1.png", "boat/1.png"], [2, 0, 0], ""),
    (["test_tube/1.png", "glass/1.png"], [2, 0, 0], ""),
]
"""Files, how many pictures each part has, and what is said of the rest."""


@pytest.mark.parametrize(("paths", "counts", "said"), READ)
def test_what_is_not_read_is_said(tmp_path, caplog, paths, counts, said):
    found = labelled_pictures(folder_of(tmp_path, paths))
    assert [sum(picture.split == split for picture in found) for split in range(3)] == counts
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == bool(said), messages
    assert said in "".join(messages)


REFUSED = [
    ([], "has no pictures to train on: put them into a folder for each class"),
    (["1.png", "2.png"], "has no pictures to train on"),
    (below("valid") + below("test"), "has test, valid, but no folder of a class in train"),
    (["train/1.png", "test/1.png"], "has test, train, but no folder of a class in train"),
    (below("train") + below("val") + below("valid"), "has val and valid, which are one part by their names"),
    (["cat/train/1.png", "cat/val/1.png", "dog/train/1.png"], "cat has parts inside a class"),
]


@pytest.mark.parametrize(("paths", "message"), REFUSED)
def test_folders_that_may_mean_several_things_are_refused(tmp_path, paths, message):
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match=message):
        labelled_pictures(folder_of(tmp_path, paths))


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    folder = folder_of(tmp_path, ["all/cat/1.png", "all/dog/1.png"])
    (tmp_path / "some").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "some" / name).symlink_to(folder / "all" / name)
    (folder / "all" / "cat" / "again").symlink_to(tmp_path / "some")
    assert [picture.label for picture in labelled_pictures(tmp_path / "some")] == ["cat", "dog"]
    assert len(pictures_below(tmp_path / "some")) == 2


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("VALID", "val"),
        ("dev", "val"),
        ("evaluation", "test"),
        ("my-train", "train"),
        ("trainer", None),
        ("contest", None),
        ("2017", None),
    ],
)
def test_parts_are_known_by_their_names(name, part):
    assert part_of(name) == part


def test_a_folder_named_valid_is_what_architectures_are_chosen_by(tmp_path):
    for part, count in {"train": 12, "Valid": 4, "test": 2}.items():
        for number, label in enumerate(["cat", "dog"]):
            (tmp_path / "data" / part / label).mkdir(parents=True)
            for place, image in enumerate(images(count, seed=number)):
                Image.fromarray(image).save(tmp_path / "data" / part / label / f"{place}.png")
    found = ImageArrays.open(prepare_images(tmp_path / "data", out=tmp_path / "cache", progress=False))
    assert np.bincount(found.split).tolist() == [24, 8, 4]


class TestArchives:
    @pytest.mark.parametrize("name", ["valid", "validation", "Val", "dev"])
    def test_arrays_are_known_by_the_same_names(self, tmp_path, name):
        given = {f"x_{name}": images(6, seed=1), f"y_{name}": np.arange(6) % 3}
        cache = prepare_images(archive(tmp_path, **given), out=tmp_path / "cache", progress=False)
        assert (ImageArrays.open(cache).images[ImageArrays.open(cache).split == 1][..., 0] == images(6, seed=1)).all()

    def test_arrays_that_are_not_read_are_named(self, tmp_path, caplog):
        prepare_images(archive(tmp_path, x_more=images(3), names=np.array(["a"])), out=tmp_path / "c", progress=False)
        assert "arrays that are not read: x_more, names" in caplog.text

    def test_two_arrays_of_one_part_are_refused(self, tmp_path):
        with pytest.raises(UserError, match="of which two are one array by their names"):
            prepare_images(archive(tmp_path, x_val=images(3), x_valid=images(3)), out=tmp_path / "c", progress=False)
