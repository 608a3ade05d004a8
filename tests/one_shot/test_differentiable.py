"""What every differentiable search keeps to: what its steps move, how it goes on, and that it finds what there is."""

from __future__ import annotations

from contextlib import suppress

import pytest
import pytorch_lightning as pl
import torch
from one_shot_searches import DIFFERENTIABLE, SPACES, Host, PlantedSpace, named, small

from nni_nasplus import registry
from nni_nasplus.errors import HostLost
from nni_nasplus.one_shot.fit import fit, made

every = pytest.mark.parametrize("name", DIFFERENTIABLE)
each_kind = named(DIFFERENTIABLE, pytest.mark.system)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def trained(search, steps):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    pl.Trainer(max_steps=steps, max_epochs=-1, enable_checkpointing=False, **quiet).fit(search)
    return search


def copied(values):
    return [value.detach().clone() for value in values]


def equal(before, after):
    return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@each_kind
def test_alpha_stays_bit_by_bit_until_the_warm_up_is_over_and_moves_then(name):
    search = small(name, epochs=6, warm_up=0.5)
    alphas, weights = copied(search.architecture_parameters), copied(search.supernet.parameters())
    trained(search, search.steps_per_epoch)
    assert equal(alphas, search.architecture_parameters)
    assert not equal(weights, list(search.supernet.parameters()))
    search = trained(small(name, epochs=6, warm_up=0.5), 3 * search.steps_per_epoch + 1)
    if name != "p-darts":  # whose α is another one by then
        assert not equal(alphas, search.architecture_parameters)


@every
def test_a_step_of_alpha_leaves_the_weights_and_a_step_of_the_weights_leaves_alpha(name):
    search, seen = small(name, warm_up=0.0), {"alphas": [], "weights": []}

    def watch(step, what):
        original = getattr(search, f"_step_{step}")

        def watched(batch):
            before = copied(what())
            original(batch)
            seen[step].append(equal(before, what()))

        setattr(search, f"_step_{step}", watched)

    watch("alphas", lambda: list(search.supernet.parameters()))
    watch("weights", lambda: search.architecture_parameters)
    trained(search, 2)
    expected = {"alphas": [True] * 2, "weights": [True] * 2}
    assert seen == {name: values if name in search.order else [] for name, values in expected.items()}


@each_kind
def test_a_search_that_is_killed_after_any_step_goes_on_to_the_same_alpha(name, tmp_path):
    whole = small(name)
    found = fit(whole).architectures
    last = whole.steps_per_epoch
    for killed in (2, last, 2 * last + 1, None):
        search = small(name, reporter=Host())
        search.checkpoint_steps = 1
        with suppress(HostLost):
            assert fit(_killed(search, killed), tmp_path).architectures == found
    assert search.step == whole.step
    assert equal(whole.architecture_parameters, search.architecture_parameters)
    assert equal(list(whole.supernet.parameters()), list(search.supernet.parameters()))
    assert equal(list(whole.supernet.buffers()), list(search.supernet.buffers()))
    assert search.rounds == whole.rounds


def _killed(search, step):
    """It, so that it dies when that step is to begin."""
    original = search.training_step

    def training_step(*arguments):
        if search.step == step:
            raise HostLost
        original(*arguments)

    search.training_step = training_step
    return search


@named([name for name in DIFFERENTIABLE if name not in SPACES], pytest.mark.system)
def test_a_planted_operation_wins(name):
    """It alone hands on how bright an image is; the network's own answers then are the labels."""
    space = PlantedSpace("nor_conv_1x1" if name == "stacnas" else "nor_conv_3x3")  # the first of its cluster is seen
    quick = {"epochs": 30, "rate": 1e-6, "final_rate": 0.0, "alpha_rate": 0.3, "weight_decay": 0.0, "alpha_decay": 0.0}
    sampling = {"epochs": 60, "alpha_rate": 0.1}
    others = {
        "darts-pt": {"epochs": 1, "tuning": 1, "blank": True},
        "darts-es": {"epochs": 9, "rise": 9.0},
        "darts-plus": {"stable": 30},
        "p-darts": {"layers": []},
        **dict.fromkeys(("drnas", "snas"), sampling),
        "xnas": {"epochs": 60, "bound": 0.05},
        "densenas": {"epochs": 150, "alpha_rate": 0.1},
        "proxyless": {"epochs": 150, "alpha_rate": 0.1, "every": 1},
        "setn": {"candidates": 10},
        "gdas": {**sampling, "first_temperature": 1.0, "last_temperature": 1.0},
    }
    kind = registry.load("one_shot", name)
    search = made(kind, space, space.evaluator, **{**quick, "warm_up": 0.0, **others.get(name, {})})
    best = dict(space.best)
    # of edges side by side each one can be missed
    if name in ("bayes-nas", "darts-pt", "gdas", "parsec", "proxyless", "setn", "stacnas"):
        for edge in (edge for edge in search.supernet.edges if edge.target - edge.source > 1):
            decide(search.supernet, edge, "none")
            best[f"op_{edge.source}_{edge.target}"] = "none"
    if name == "parsec":  # it learns from whole architectures, of which few would have it on all edges
        for edge in search.supernet.edges[2::3]:
            decide(search.supernet, edge, space.planted)
    assert fit(search).architectures[0] == best


def decide(supernet, edge, operation):
    for name in supernet.alive(edge):
        if name != operation:
            supernet.prune(edge, name)


@each_kind
def test_what_the_last_epoch_tells_is_finite_and_has_the_inherited_loss(name):
    host = Host()
    fit(small(name, reporter=host))
    assert host.told[-1]["inherited_loss"] > 0
    assert all("inherited_loss" not in told for told in host.told[:-1])
    cell = "weights" if name in SPACES else "cell"
    assert {"score", "train_loss", f"entropy/{cell}", f"alive/{cell}"} <= set(host.told[0])
