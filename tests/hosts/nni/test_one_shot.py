"""Our one-shot searches as strategies of NNI."""

from __future__ import annotations

import pytest
import torch
from nni.nas.evaluator.pytorch import Classification
from nni.nas.evaluator.pytorch import DataLoader as TracedLoader
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace
from te_nas_searches import SMALL, images, made, trained
from torch.utils.data import TensorDataset

from nni_nasplus import UserError
from nni_nasplus.hosts.nni.nas.one_shot import OneShotSearch
from nni_nasplus.spaces.images import NasBench201Space

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class TestNni:
    def evaluator(self, **data):
        quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
        return Classification(num_classes=3, max_epochs=9, enable_checkpointing=False, **quiet, **data)

    def loader(self):
        return TracedLoader(TensorDataset(images(), torch.zeros(40, dtype=torch.long)), batch_size=16)

    @pytest.mark.system
    def test_it_is_a_one_shot_strategy(self):
        space, search = (
            NasBench201Space(channels=2, cells=1, classes=3, size=6),
            OneShotSearch("tenas", repeats=1, **SMALL),
        )
        evaluator = self.evaluator(train_dataloaders=self.loader(), val_dataloaders=self.loader())
        search.initialize(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
        search.run()
        (model,) = search.list_models()
        assert model.sample == trained(made(repeats=1)).architecture
        assert model.executable_model()(torch.randn(2, 3, 6, 6)).shape == (2, 3)

    @pytest.mark.parametrize(("name", "options"), [("darts", {"order": 2}), ("gdas", {}), ("p-darts", {"layers": []})])
    def test_a_search_by_gradients_has_its_loss_of_the_evaluator(self, name, options):
        evaluator = self.evaluator(train_dataloaders=self.loader(), val_dataloaders=self.loader())
        search = OneShotSearch(name, epochs=9, **options)
        space = NasBench201Space(channels=2, cells=1, classes=3, size=6)
        search.initialize(RawFormatModelSpace(space, evaluator), SequentialExecutionEngine())
        search.run()
        (model,) = search.list_models()
        assert model.executable_model()(torch.randn(2, 3, 6, 6)).shape == (2, 3)
        assert len(search.oneshot_module.rounds) == 9
        assert search.oneshot_module.rounds[-1][1]["train_loss"] < search.oneshot_module.rounds[0][1]["train_loss"]

    def test_what_it_cannot_search_is_named(self):
        with pytest.raises(UserError, match="Linear has no supernet of ours"):
            OneShotSearch("tenas").mutate_model(torch.nn.Linear(1, 1))
        search = OneShotSearch("tenas")
        search.mutate_model(NasBench201Space(size=6))
        with pytest.raises(UserError, match="no examples"):
            search.mutate_evaluator(self.evaluator())
