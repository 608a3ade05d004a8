"""NNI's own one-shot strategies train our supernets, or are refused."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from nni.nas.evaluator.pytorch import Classification
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace
from nni.nas.strategy import DARTS, GumbelDARTS, Proxyless, RandomOneShot
from supernets import DARTS_SPACE, NB201_SPACE
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import UserError
from nni_nasplus.one_shot.mixture import softmax
from nni_nasplus.spaces.images import (
    DartsSpace,
    NasBench201Space,
)


@pytest.fixture
def loaders() -> dict:
    images, labels = torch.randn(8, 3, 8, 8), torch.arange(8) % 3
    loader = DataLoader(TensorDataset(images, labels), batch_size=4)
    return {"train_dataloaders": loader, "val_dataloaders": loader}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("strategy", [DARTS, GumbelDARTS, RandomOneShot])
@pytest.mark.parametrize("kind", ["darts", "nasbench201"])
def test_nnis_one_shot_strategies_train_it(kind, strategy, loaders, tmp_path):
    space = (
        DartsSpace(channels=2, layers=3, classes=3, size=8)
        if kind == "darts"
        else NasBench201Space(channels=2, cells=1, classes=3, size=8)
    )
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    evaluator = Classification(
        num_classes=3, max_epochs=1, enable_model_summary=False, default_root_dir=tmp_path, **quiet, **loaders
    )
    search = strategy() if strategy is RandomOneShot else strategy(arc_learning_rate=0.1)
    search.initialize(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
    mixed = search.supernet.net
    supernet = mixed.supernet
    before, alphas = copy.deepcopy(supernet), copy.deepcopy(getattr(mixed, "alphas", {}))
    search.run()
    moved = [not torch.equal(a, b) for a, b in zip(before.parameters(), supernet.parameters(), strict=True)]
    assert sum(moved) > len(moved) / (20 if strategy is RandomOneShot else 2)
    assert len(alphas) == (0 if strategy is RandomOneShot else len(supernet.masks))
    assert not any(torch.equal(mixed.alphas[cell], alpha) for cell, alpha in alphas.items())
    (model,) = search.list_models()
    sample = space.search_space.validate(model.sample)
    if strategy is not RandomOneShot:
        assert sample == supernet.derive(softmax(supernet, mixed.alphas).weights)
    assert model.executable_model()(torch.randn(2, 3, 8, 8)).shape == (2, 3)


def test_random_one_shot_runs_the_network_it_drew():
    space = NasBench201Space(channels=2, cells=1, classes=3, size=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        RandomOneShot().mutate_model(space)
    images, drawn = torch.randn(2, 3, 8, 8), set()
    space.eval()
    for _ in range(5):
        sample = space.net.resample({})
        drawn.add(space.genotype(sample))
        with space.net.supernet.only(sample):
            expected = space.net.supernet(images)
        assert torch.equal(space(images), expected)
    assert len(drawn) > 3


@pytest.mark.parametrize("space", [DARTS_SPACE, NB201_SPACE], ids=["darts", "nasbench201"])
def test_strategies_of_single_layers_are_refused(space):
    with pytest.raises(UserError, match="NNI's Proxyless needs layer choices; use DARTS, GumbelDARTS or RandomOneShot"):
        Proxyless().mutate_model(copy.deepcopy(space))
