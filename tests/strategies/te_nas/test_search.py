"""The search of TE-NAS: published numbers of rounds and scores, seeds, resume."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from event_examples import SHAPE
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from te_nas_searches import DARTS, NB201, Recorded, generator, made, trained

from nni_nasplus import UserError
from nni_nasplus.proxies import random_batch
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.events.genotype import parse
from nni_nasplus.spaces.events.supernets.encoder import EventSupernet
from nni_nasplus.strategies.te_nas import Networks, networks_of
from nni_nasplus.strategies.te_nas.pruning import Scores
from nni_nasplus.strategies.te_nas.scoring import Scorer

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def noise(monkeypatch):
    """Random scores in place of those of networks."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(Scorer, "begin", lambda self, *place: None)
    monkeypatch.setattr(Scorer, "__call__", lambda self, **_: Scores(*rng.uniform(1, 100, 2)))


def steps_of(search):
    return [sum(number == wanted for number, _ in search.history) for wanted in range(search.round)]


def test_none_is_pruned_before_the_first_round_and_everything_else_is_alive():
    for space, operations in ((NB201, 4), (DARTS, 7)):
        networks = networks_of(space)
        assert all(len(net.alive(edge)) == operations for net in networks.both for edge in net.edges)
        assert not any("none" in networks.kernel.alive(edge) for edge in networks.kernel.edges)


def test_nasbench201_takes_three_rounds_of_24_18_and_12_scores_and_ends_with_one_operation_an_edge(whole):
    assert steps_of(whole) == [2 * (1 + 24), 2 * (1 + 18), 2 * (1 + 12)]
    assert whole.alive == [[3] * 6, [2] * 6, [1] * 6]
    assert NB201.search_space.validate(whole.architecture) == whole.architecture


def test_darts_takes_196_and_112_scores_and_then_keeps_two_edges_a_node(noise):
    search = trained(made(DARTS, repeats=1))
    assert steps_of(search) == [1 + 196, 1 + 112, 1 + 24]
    assert search.alive[0] == [4] * 28
    assert search.alive[1] == [1] * 28
    left = [edge for edge in search.kernel.edges if search.kernel.alive(edge)]
    assert {(cell, node): 2 for cell in ("normal", "reduce") for node in range(2, 6)} == {
        (cell, node): sum((edge.cell, edge.target) == (cell, node) for edge in left)
        for cell in ("normal", "reduce")
        for node in range(2, 6)
    }
    assert {(edge, *search.kernel.alive(edge)) for edge in left} == set(search.kernel.selected(search.architecture))
    assert DARTS.search_space.validate(search.architecture) == search.architecture


@pytest.mark.system
def test_equal_seeds_give_equal_scores_and_architectures_and_others_other_scores(whole):
    again = trained(made(repeats=2))
    assert again.history == whole.history
    assert again.architecture == whole.architecture
    assert trained(made(repeats=2, seed=4), max_epochs=1).history != whole.history[:50]


@pytest.mark.system
def test_equal_seeds_give_equal_scores_as_released_too():
    first, second, other = (trained(made(repeats=1, seed=i, as_released=True), max_epochs=1) for i in (3, 3, 4))
    assert first.history == second.history != other.history


def test_the_search_leaves_torchs_generator_as_it_is():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    search = made(repeats=1)
    torch.manual_seed(7)
    trained(search, max_epochs=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "stop",
    [{"max_steps": 31}, *(pytest.param(s, marks=pytest.mark.slow) for s in ({"max_epochs": 1}, {"max_steps": 50}))],
)
@pytest.mark.system
def test_a_resumed_search_goes_on_as_one_that_never_stopped(tmp_path, whole, stop):
    kept = ModelCheckpoint(tmp_path, save_last=True, every_n_train_steps=None if "max_epochs" in stop else 1)
    cut = trained(made(repeats=2), callbacks=[kept], **{"max_epochs": 2, **stop})
    resumed = made(repeats=2)
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    pl.Trainer(max_epochs=-1, enable_checkpointing=False, **quiet).fit(resumed, ckpt_path=tmp_path / "last.ckpt")
    assert 0 < len(cut.history) == stop.get("max_steps", 50)
    assert cut.history + resumed.history == whole.history
    assert resumed.architecture == whole.architecture


def test_a_checkpoint_of_other_settings_is_refused(tmp_path):
    trained(made(repeats=1), callbacks=[ModelCheckpoint(tmp_path, save_last=True)], max_epochs=1)
    trainer = pl.Trainer(logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu")
    with pytest.raises(UserError, match="the checkpoint's search has repeats=1; go on with that"):
        trainer.fit(made(repeats=2), ckpt_path=tmp_path / "last.ckpt")


def test_event_encoders_are_searched_too():
    architecture = parse("01|1|agc1,g|44,12|00")
    space = EventSequenceSpace(**SHAPE.to_json(), hidden=4)
    net = EventSupernet(SHAPE, space.search_space.validate(architecture), hidden=4)
    search = Recorded(Networks(net), random_batch(space, 6, generator()), repeats=1, prune=3, kernel_examples=2)
    trained(search)
    assert steps_of(search) == [1 + 14, 1 + 8]
    assert len({regions for _, (_, regions) in search.history}) > 1 or search.history[0][1].regions == 2
    assert space.search_space.validate(search.architecture) == search.architecture


def test_tensorboard_shows_scores_what_is_alive_and_the_cells(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, name=None, version="")
    search = trained(made(repeats=1), logger=logger)
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [event.value for event in events.Scalars("alive/cell_0_1")] == [3, 2, 1]
    kappas = [scores.kappa for number, scores in search.history if number == 0]
    assert events.Scalars("round/kappa")[0].value == pytest.approx(kappas[0], rel=1e-6)
    assert [event.step for event in events.Images("cells")] == [1, 2, 3]


def test_lightning_has_nothing_to_warn_of(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trained(made(repeats=1), logger=TensorBoardLogger(tmp_path), log_every_n_steps=1)
    assert not [str(w.message) for w in caught if "isinstance(treespec" not in str(w.message)]
