"""Boosting on pixels as a network: an evaluator fits, keeps and scores it as it does any other."""

from __future__ import annotations

import pytest
import torch
from finished_runs import digits

from nni_nasplus import UserError
from nni_nasplus.data.images import ImageShape, prepare_images
from nni_nasplus.spaces.images.baselines.pixels import BoostedPixels, are_few
from nni_nasplus.training.images import ImageClassification


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    return prepare_images(digits(folder / "digits.npz"), out=folder / "cache", progress=False)


@pytest.fixture(scope="module")
def space(cache):
    return BoostedPixels(**ImageClassification(str(cache)).data().shape.to_json())


def fitted(cache, space, folder, **options):
    network = space.build(space.search_space.initial[0])
    return network, ImageClassification(str(cache), **options).fit(network, folder)


def test_trees_tell_digits_apart_and_are_kept(cache, space, tmp_path):
    network, metrics = fitted(cache, space, tmp_path)
    assert metrics["accuracy"] > 0.8
    again = space.trained(space.search_space.initial[0], tmp_path / "model.safetensors")
    images = torch.randn(4, 1, 8, 8)
    assert torch.equal(again(images), network(images))


def test_neither_augmentation_nor_batches_change_the_trees(cache, space, tmp_path):
    one, _ = fitted(cache, space, tmp_path / "one", crop=4, cutout=3, batch_size=16)
    other, _ = fitted(cache, space, tmp_path / "other", crop=0, flip=False, batch_size=50)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_of_two_classes_the_first_has_the_logit_0():
    network = BoostedPixels(2, 1, 3).build({"learning_rate": 0.1, "max_leaf_nodes": 15})
    network.trees.offset = torch.tensor([0.5])
    network.trees.value = torch.tensor([0.25])
    network.trees.below, network.trees.roots = torch.zeros(1, 2, dtype=torch.long), torch.zeros(1, dtype=torch.long)
    assert network(torch.zeros(1, 1, 3, 3)).tolist() == [[0.0, 0.75]]


@pytest.mark.parametrize(("shape", "few"), [((10, 1, 32), True), ((10, 3, 32), False), ((100, 1, 16), False)])
def test_trees_grow_where_pixels_and_classes_are_few(shape, few):
    assert are_few(ImageShape(*shape)) is few


def test_genotypes_are_read_as_they_are_written(space):
    for architecture in space.search_space:
        assert space.parse_genotype(space.genotype(architecture)) == architecture
    with pytest.raises(UserError, match="is no plain boosting"):
        space.parse_genotype("ResNet-20")
    assert list(space.graph(space.search_space.initial[0])) == [
        "image",
        "64 pixels",
        "trees of 15 leaves, learning rate 0.1",
        "4 classes",
    ]
