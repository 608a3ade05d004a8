"""A search from another package, a dozen lines long, on every way that leads to one."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
import torch
from nni.nas.evaluator.pytorch import Classification
from nni.nas.evaluator.pytorch import DataLoader as TracedLoader
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace
from one_shot_searches import Labelled, small
from te_nas_searches import NB201, images
from torch.utils.data import DataLoader, TensorDataset
from toy_one_shot import Planted, Toy

from nni_nasplus import UserError, registry
from nni_nasplus.hosts.nni.nas.one_shot import OneShotSearch
from nni_nasplus.networks.supernet import MixedOperation
from nni_nasplus.one_shot.fit import fit, made
from nni_nasplus.one_shot.strategy import OneShotStrategy
from nni_nasplus.search.ranking import Ranking
from nni_nasplus.search.search import Search
from nni_nasplus.spaces.images import NasBench201Space

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@dataclass(frozen=True)
class ToyStrategy(OneShotStrategy):
    method: str = field(default="toy", init=False)
    epochs: int = 3


@pytest.mark.parametrize("planted", ["skip_connect", "nor_conv_3x3", "avg_pool_3x3"])
def test_a_planted_operation_wins(planted):
    """It alone hands on how bright an image is; the network's own answers then are the labels."""
    torch.manual_seed(0)
    supernet = NB201.supernet(channels=3, stages=1, stem=False).eval()
    for mixed in (module for module in supernet.modules() if isinstance(module, MixedOperation)):
        for name in supernet.operations:
            mixed.operations[name] = Planted(tells=name == planted)
    architecture = dict.fromkeys(NB201.search_space.decisions, planted)
    bright = images() + 3 * torch.randn(40, 3, 1, 1)
    with supernet.only(architecture), torch.no_grad():
        supernet.net.classifier.bias -= supernet(bright).mean(0)
        labels = supernet(bright).argmax(1)
    loader = DataLoader(TensorDataset(bright, labels), 40)
    assert fit(Toy(supernet, loader, seed=0, epochs=30, rate=3.0)).architectures == [architecture]


class Bare:
    """A space that is only trained."""


def run(directory, space=NB201):
    return SimpleNamespace(
        space=space, evaluator=Labelled(), directory=directory, settings=SimpleNamespace(seed=3, limits=None)
    )


def test_a_strategy_proposes_what_it_found_and_then_random_architectures(tmp_path):
    ranking = ToyStrategy(epochs=2).presearch(run(tmp_path), None)
    search = Search(NB201.search_space, ToyStrategy(), seed=3, ranking=ranking)
    trials = [search.ask() for _ in range(3)]
    assert [trial.origin for trial in trials] == ["presearch", "random", "random"]
    assert [trials[0].architecture] == fit(small("toy", seed=3, epochs=2)).architectures
    assert (tmp_path / "toy" / "last.ckpt").is_file()


def test_the_best_found_is_proposed_first():
    found = [dict.fromkeys(NB201.search_space.decisions, name) for name in ("none", "skip_connect", "avg_pool_3x3")]
    search = Search(NB201.search_space, ToyStrategy(), seed=0, ranking=Ranking.of(found, [1.0, 3.0, 2.0]))
    assert [search.ask().architecture for _ in range(3)] == [found[1], found[2], found[0]]
    assert search.ask().origin == "random"


def test_a_space_without_a_supernet_is_named(tmp_path):
    with pytest.raises(UserError, match=r"^Bare has no supernet; search it with a strategy that needs none$"):
        ToyStrategy().presearch(run(tmp_path, Bare()), None)


def test_an_experiment_of_nni_runs_it():
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    loader = TracedLoader(TensorDataset(images(), torch.arange(40) % 3), batch_size=16)
    evaluator = Classification(
        num_classes=3,
        max_epochs=2,
        enable_checkpointing=False,
        train_dataloaders=loader,
        val_dataloaders=loader,
        **quiet,
    )
    space = NasBench201Space(channels=2, cells=1, classes=3, size=6)
    search = OneShotSearch("toy", rate=0.5)
    search.initialize(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
    search.run()
    (model,) = search.list_models()
    assert [model.sample] == search.oneshot_module.architectures().architectures
    assert len(search.oneshot_module.rounds) == 2


def test_names_and_settings_that_are_unknown_are_named():
    with pytest.raises(UserError, match=r"^unknown one-shot method 'no'; available: .*, tenas, toy, xnas$"):
        registry.load("one_shot", "no")
    with pytest.raises(UserError, match=r"^Toy has no setting 'speed'; its settings: seed, reporter, epochs, rate$"):
        made(Toy, NB201, Labelled(), speed=3)
    with pytest.raises(UserError, match=r"^seed is -1; use 0 or more$"):
        small("toy", seed=-1)


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    fit(small("toy"), tmp_path)
    with pytest.raises(UserError, match=r"^the checkpoint's search has rate=1.0; go on with that$"):
        fit(small("toy", rate=2.0), tmp_path)
