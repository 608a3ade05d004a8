"""Scores of TE-NAS: those of each network by itself, and what is drawn anew."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from te_nas_searches import DARTS, NB201, SMALL, generator, images, made
from torch.utils.data import DataLoader, TensorDataset

from nni_nasplus import UserError
from nni_nasplus.proxies import linear_regions, ntk_condition
from nni_nasplus.proxies.kernel import ExampleGradients
from nni_nasplus.proxies.ntk import jacobian
from nni_nasplus.spaces.images import NasBench201Space
from nni_nasplus.strategies.te_nas import TENAS, drawn_from, networks_of
from nni_nasplus.strategies.te_nas.batches import patches
from nni_nasplus.strategies.te_nas.pruning import cuts_of
from nni_nasplus.strategies.te_nas.scoring import Scored, Scorer

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_the_networks_have_the_published_sizes():
    """14,707 parameters with the 30 α; gradients by 14,364 weights; 117 units of ReLUs for a patch."""
    published = networks_of(NasBench201Space())
    assert sum(p.numel() for p in published.kernel.parameters()) + 30 == 14_707
    assert ExampleGradients(Scored(published.kernel, double=True))(torch.randn(2, 3, 8, 8)).shape == (2, 14_364)
    units = []
    for module in published.regions.modules():
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_hook(lambda _, __, output: units.append(output[0].numel()))
    with torch.no_grad():
        published.regions(torch.randn(2, 1, 3, 3))
    assert sum(units) == 117


@pytest.mark.system
def test_the_scores_of_a_round_are_those_of_each_network_by_itself(whole):
    """In the first round's second repeat, of every fifth network."""
    networks = networks_of(NB201)
    scorer = Scorer(networks, images(), whole.scorer.how)
    scorer.begin(0, 1)
    for place, cut in list(enumerate([None, *cuts_of(networks.kernel, None)]))[::5]:
        alone = [copy.deepcopy(net) for net in networks.both]
        for net in alone if cut else []:
            net.prune(*cut)
        kappa = ntk_condition(alone[0], scorer._batch, statistics="fixed")
        expected = (kappa, linear_regions(alone[1], scorer._patches))
        assert whole.history[25 + place] == (0, pytest.approx(expected, rel=1e-6))


@pytest.mark.parametrize("space", [NB201, DARTS])
def test_the_gradients_of_examples_are_those_of_one_example_at_a_time(space):
    networks, batch = networks_of(space), images(space, 5)
    gradients = ExampleGradients(Scored(networks.kernel, double=True))
    cuts = cuts_of(networks.kernel, None)
    for cut in (cuts[0], cuts[len(cuts) // 2], cuts[-1]):
        with networks.kernel.without(*cut):
            expected, found = jacobian(networks.kernel, batch, "fixed"), gradients(batch)
            torch.testing.assert_close(found @ found.T, expected @ expected.T, rtol=1e-9, atol=1e-12)
            assert (expected != 0).any(0).sum() <= found.shape[1] <= expected.shape[1]


def test_weights_are_drawn_for_each_repeat_but_not_as_released_and_examples_always():
    for released in (False, True):
        search = made(as_released=released, **({"kernel_examples": 4}))
        weights, batches, crops = [], [], []
        for place in ((0, 0), (0, 1), (1, 0), (0, 0)):
            search.scorer.begin(*place)
            weights.append(torch.cat([p.flatten() for p in search.kernel.parameters()]).detach().clone())
            batches.append(search.scorer._batch)
            crops.append(search.scorer._patches)
        assert torch.equal(weights[0], weights[3])
        assert torch.equal(batches[0], batches[3])
        assert all(torch.equal(weights[0], other) == released for other in weights[1:3])
        assert not any(torch.equal(batches[0], other) or torch.equal(crops[0], crops[1]) for other in batches[1:3])


def test_as_released_takes_the_authors_batches_and_statistics():
    search = TENAS(networks_of(DARTS), images(DARTS), as_released=True)
    how = search.scorer.how
    assert (how.kernel_examples, how.region_examples, how.statistics) == (14, 3000, "batch")
    how = TENAS(networks_of(NB201), images(), as_released=True).scorer.how
    assert how.kernel_examples == 72
    how = TENAS(networks_of(NB201), images()).scorer.how
    assert (how.kernel_examples, how.region_examples, how.statistics) == (32, 5000, "fixed")


@pytest.mark.parametrize(("statistics", "singular"), [("batch", True), ("fixed", False)])
def test_with_the_statistics_of_the_batch_the_kernel_of_darts_is_singular(statistics, singular):
    scorer = TENAS(networks_of(DARTS), images(DARTS), seed=1, statistics=statistics, **SMALL).scorer
    scorer.begin(0, 0)
    assert (scorer().kappa == math.inf) is singular


def test_patches_are_crops_of_one_channel():
    pictures = torch.arange(2 * 3 * 5 * 4, dtype=torch.float32).reshape(2, 3, 5, 4)
    found = patches(pictures, 500, generator())
    assert found.shape == (500, 1, 3, 3)
    crops = {
        tuple(pictures[i, c, y : y + 3, x : x + 3].flatten().tolist())
        for i in range(2)
        for c in range(3)
        for y in range(3)
        for x in range(2)
    }
    assert {tuple(patch.flatten().tolist()) for patch in found} == crops


def test_examples_come_from_any_loader():
    pictures = torch.randn(10, 3, 4, 4)
    for loader in (DataLoader(TensorDataset(pictures, torch.zeros(10)), 4), DataLoader(pictures, 4), [pictures]):
        assert torch.equal(drawn_from(loader, 7), pictures[:7])
    assert len(drawn_from([pictures], 99)) == 10
    with pytest.raises(UserError, match="no examples"):
        drawn_from([], 5)
