"""BigNAS and AttentiveNAS: what a step of the sandwich trains, and which paths get the attention."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from event_path_space import Users, event_space
from one_shot_searches import small
from torch.testing import assert_close

from nni_nasplus import UserError, registry
from nni_nasplus.networks.cost import count_flops, count_parameters
from nni_nasplus.one_shot.fit import made
from nni_nasplus.one_shot.mixture import one_path
from nni_nasplus.one_shot.paths import drawn_genes, skeletons
from nni_nasplus.search.strategy import make_strategy
from nni_nasplus.strategies.paths.sandwich import decay, distance

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
SPACE = event_space(
    poolings=["mean"],
    hyperparameters={"hidden": [4, 8], "dropout": [0.3]},
    fixed={"decoder_layers": 0, "stem_kernel": "3"},
)
BATCH = Users().train_dataloader()[0]
QUICK = {"epochs": 4, "rounds": 2, "population": 4, "batches": 1}


def search(name="bignas", **settings):
    found = made(registry.load("one_shot", name), SPACE, Users(), **{**QUICK, **settings})
    found.manual_backward = lambda loss: loss.backward()
    return found


def drawn(found, count, seed=0):
    rng = np.random.default_rng(seed)
    return [found.supernet.derive(drawn_genes(found.supernet, rng)) for _ in range(count)]


def gradients(found):
    return {name: weight.grad for name, weight in found.supernet.named_parameters() if weight.grad is not None}


def test_no_path_has_more_weights_than_the_largest_or_fewer_than_the_smallest():
    found = search()
    least, most = (count_parameters(SPACE.build(path)) for path in (found.smallest, found.largest))
    assert least < most
    assert all(least <= count_parameters(SPACE.build(path)) <= most for path in drawn(found, 30))


def test_gradients_of_a_step_are_the_sum_of_those_of_its_paths(monkeypatch):
    for module in (torch.nn.Dropout, torch.nn.Dropout1d):
        monkeypatch.setattr(module, "forward", lambda self, x: x)
    found = search()
    found._descend_sandwich(BATCH)
    together = gradients(found)
    found.supernet.zero_grad()
    students = [*found.middle(BATCH), found.smallest]
    assert len(students) == 3
    found.loss(BATCH, one_path(found.supernet, found.largest)).backward()
    taught = found.supernet(BATCH, one_path(found.supernet, found.largest)).detach().softmax(-1)
    for path in students:
        said = found.supernet(BATCH, one_path(found.supernet, path)).log_softmax(-1)
        (taught * (taught.log() - said)).sum(-1).mean().backward()
    apart = gradients(found)
    assert together.keys() == apart.keys()
    for name, slope in together.items():
        assert_close(slope, apart[name], rtol=1e-4, atol=1e-6)


def test_only_the_largest_path_has_dropout():
    found = search(sizes={"stem_dropout": 1, "temporal_dropout": 1})
    taught = torch.zeros(8, 3)
    assert found.distilled(found.largest, BATCH, taught) == found.distilled(found.largest, BATCH, taught)
    with found.supernet.only(found.largest):
        assert found.loss(BATCH, None) != found.loss(BATCH, None)


@pytest.mark.parametrize(("optimizer", "factor"), [("sgd", 1 - 0.1 * 0.5), ("adamw", 1 - 0.1 * 0.5)])
def test_only_weights_of_the_largest_path_decay(optimizer, factor):
    found = search(optimizer=optimizer, rate=0.1, momentum=0.0, weight_decay=0.5)
    (stepped,) = found.configure_optimizers()
    before = {name: weight.detach().clone() for name, weight in found.supernet.named_parameters()}
    used = found._descend_sandwich(BATCH)
    for weight in found.supernet.parameters():
        weight.grad = None if weight.grad is None else torch.zeros_like(weight.grad)
    decay(used, 0.5, optimizer, found.rate())
    stepped.step()
    largest = {id(weight) for weight in used}
    assert 0 < len(largest) < len(before)
    for name, weight in found.supernet.named_parameters():
        assert_close(weight.detach(), before[name] * (factor if id(weight) in largest else 1))


def test_the_learning_rate_falls_to_its_floor_and_stays_there():
    options = search(epochs=40, rate=0.2, floor=0.05).options
    rates = [options.rate_in(epoch) for epoch in range(40)]
    assert rates[0] == 0.2
    assert rates == sorted(rates, reverse=True)
    assert rates[-4:] == [pytest.approx(0.01)] * 4
    assert rates[30] > 0.01


def test_coarse_candidates_decide_alike_what_is_of_a_kind_and_fine_ones_keep_to_the_limit():
    found = search()
    for path, _ in found.candidates(skeletons(found.supernet, np.random.default_rng(0)), 20, set()):
        for kind in ("op", "heads"):
            assert len({choice for name, choice in path.items() if name.startswith("encoder_") and kind in name}) <= 1
    found.excess = lambda path: "too deep" if path["encoder_layers"] > 1 else None
    scored = found.searched(np.random.default_rng(0))
    assert len(scored) == 8
    assert {path["encoder_layers"] for path, _ in scored} <= {0, 1}


def test_what_says_the_same_is_at_no_distance_whatever_is_predicted():
    said = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for link in ("softmax", "sigmoid", "identity"):
        (slope,) = torch.autograd.grad(distance(said, said.detach(), link), said)
        assert_close(slope, torch.zeros(5, 3))
    assert distance(said, said.detach() + 1, "softmax").item() == pytest.approx(0, abs=1e-6)
    assert distance(said, said.detach() + 1, "identity").item() == pytest.approx(0.5)


@pytest.mark.parametrize(("up", "chosen"), [("best", min), ("worst", max)])
def test_attention_goes_to_the_least_or_the_largest_loss_of_a_bin(up, chosen):
    found = search("attentivenas", up=up, pool=12, bins=3)
    candidates = drawn(found, 5)
    found.bins = 0, [candidates]
    found.options = type(found.options)(**{**vars(found.options), "candidates": 5})
    losses = found._losses_of(candidates, BATCH)
    assert found.middle(BATCH) == [candidates[losses.index(chosen(losses))]] * 2


def test_candidates_cost_alike_and_bins_are_drawn_as_often_as_they_are_full():
    found = search("attentivenas", pool=12, bins=3)
    drawn_before = torch.get_rng_state()
    bins = found._bins()
    assert torch.equal(torch.get_rng_state(), drawn_before)
    assert len(bins) == 12
    costs = [[count_flops(SPACE.build(path), SPACE.example()) for path in alike] for alike in bins]
    everything = [cost for alike in costs for cost in alike]
    width = (max(everything) - min(everything)) / 3
    assert all(max(alike) - min(alike) <= width for alike in costs)
    assert set(Counter(map(len, bins)).items()) == {(n, sum(len(b) == n for b in bins)) for n in map(len, bins)}
    assert all(count % size == 0 for size, count in Counter(map(len, bins)).items())


def test_a_predictor_takes_the_place_of_the_loss_when_it_has_something_to_learn_from():
    found = search("attentivenas", by="predictor", known=12, pool=6, bins=1, candidates=6)
    uniform = found.middle(BATCH)
    found.step = found.steps_per_epoch
    found.epoch_ends({})
    assert len(found.memory["scored"]) == 12
    found.inherited = None
    attentive = found.middle(BATCH)
    pool = found._bins()[0]
    assert found._predicted(attentive) == [min(found._predicted(pool))] * 2
    assert uniform != attentive


def test_options_out_of_range_and_spaces_without_sizes_are_named():
    for name, options, message in [
        ("bignas", {"paths": 0}, "^paths is 0; use 1 or more$"),
        ("bignas", {"floor": 2.0}, "^floor is 2.0; use 0 to 1, a share of the first rate$"),
        ("attentivenas", {"up": "all"}, "^up is 'all', which is of the wrong type"),
    ]:
        with pytest.raises(UserError, match=message):
            make_strategy(name, options).check_space(SPACE)
    assert small("bignas").largest != small("bignas").smallest
