"""What an architecture reaches with the weights that it inherits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from differentiable_searches import Pictures, search
from one_shot_searches import PlantedSpace
from torch import nn

from nni_nasplus import registry
from nni_nasplus.one_shot.fit import made
from nni_nasplus.one_shot.inherited import recalibrated
from nni_nasplus.one_shot.paths import drawn_genes

PATH = dict.fromkeys(("op_0_1", "op_0_2", "op_1_2", "op_0_3", "op_1_3", "op_2_3"), "nor_conv_3x3")


def state(module):
    return {name: value.clone() for name, value in module.named_parameters()} | {
        name: value.clone() for name, value in module.named_buffers()
    }


def test_batch_norms_have_the_exact_means_over_the_batches_and_then_what_they_had():
    found = search("rsps")
    norm = next(module for module in found.supernet.modules() if isinstance(module, nn.BatchNorm2d))
    before, means = state(found.supernet), []
    hook = norm.register_forward_hook(lambda _, given, __: means.append(given[0].mean((0, 2, 3))))
    batches = list(Pictures().train_dataloader())
    again = recalibrated(found.supernet, found.loss, iter(batches), torch.device("cpu"))
    with found.supernet.only(PATH), torch.no_grad(), again:
        assert len(means) == len(batches) == 3
        torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0))
        assert not found.supernet.training
    hook.remove()
    after = state(found.supernet)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert found.supernet.training


def test_a_score_leaves_the_supernet_and_is_the_same_again():
    found = search("rsps")
    before = state(found.supernet)
    first, other = found.inherited(PATH), found.inherited({**PATH, "op_0_3": "skip_connect"})
    assert found.inherited(PATH) == first != other
    after = state(found.supernet)
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_where_one_operation_alone_tells_the_labels_paths_of_it_inherit_less_loss():
    space = PlantedSpace("nor_conv_3x3")
    found = made(registry.load("one_shot", "rsps"), space, space.evaluator)
    rng = np.random.default_rng(0)
    others = [found.supernet.derive(drawn_genes(found.supernet, rng)) for _ in range(12)]
    blind = [{name: "avg_pool_3x3" if op == "nor_conv_3x3" else op for name, op in one.items()} for one in others]
    best = found.inherited(space.best, 1)
    assert all(best < found.inherited(one, 1) for one in blind)
