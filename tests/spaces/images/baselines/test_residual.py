"""The residual network beside the winner."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nni_nasplus.data.images import ImageShape
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space
from nni_nasplus.spaces.images.baselines.beside import image_baselines
from nni_nasplus.spaces.images.baselines.residual import ResNet


def residual(winner, shape):
    space = image_baselines(winner, shape)["ResNet-20"]
    return space.build(space.search_space.initial[0])


class TestBaseline:
    @pytest.mark.parametrize(("blocks", "parameters"), [(3, 269_722), (5, 464_154), (9, 853_018), (18, 1_727_962)])
    def test_residual_networks_have_the_sizes_of_the_paper(self, blocks, parameters):
        """0.27, 0.46, 0.85 and 1.7 million (arXiv 1512.03385, table 6)."""
        assert count_parameters(ResNet(ImageShape(10, 3, 32), 64, blocks)) == parameters

    def test_a_block_is_the_identity_where_its_path_gives_nothing(self):
        network = ResNet(ImageShape(5, 1, 8), 8).eval()
        for block in network.blocks:
            nn.init.zeros_(block.path[2][1].weight)
        x = torch.randn(2, 1, 8, 8)
        y = network.stem(x).relu()[..., ::2, ::2][..., ::2, ::2].mean((2, 3))
        expected = network.classifier(F.pad(y, (0, 6)))
        torch.testing.assert_close(network(x), expected)

    @pytest.mark.parametrize(("channels", "layers", "auxiliary"), [(36, 20, False), (16, 8, True), (8, 5, False)])
    def test_it_has_as_many_parameters_as_the_winner_without_its_auxiliary_head(self, channels, layers, auxiliary):
        space = DartsSpace(channels, layers, auxiliary=auxiliary)
        winner = space.build(space.parse_genotype("DARTS_V2"))
        wanted = {36: 3_349_342, 16: 246_106}.get(channels, count_parameters(winner))
        assert count_parameters(residual(winner, ImageShape(10, 3, 32))) == pytest.approx(wanted, rel=0.06)

    def test_even_the_smallest_winner_has_one(self):
        assert count_parameters(residual(nn.Linear(1, 1), ImageShape(2, 1, 4))) > 2

    @pytest.mark.parametrize("kind", [DartsSpace, NasBench201Space])
    def test_each_takes_the_images_of_the_space(self, kind):
        space = kind(classes=7, in_channels=1, size=9)
        for baseline in space.baselines(nn.Linear(40, 50)).values():
            network = baseline.build(baseline.search_space.initial[0])
            assert network(torch.zeros(2, 1, 9, 9)).shape == (2, 7)

    def test_winners_of_two_sizes_have_baselines_of_two_keys(self):
        keys = set()
        for winner in (nn.Linear(40, 50), nn.Linear(400, 500)):
            space = image_baselines(winner, ImageShape(7, 1, 9))["ResNet-20"]
            keys.add(space.search_space.key(space.search_space.initial[0]))
        assert len(keys) == 2

    def test_what_is_tried_first_has_the_learning_rate_given(self):
        space = image_baselines(nn.Linear(40, 50), ImageShape(7, 1, 9))["ResNet-20"].tried_at(0.1)
        (first,) = space.search_space.initial
        assert first["learning_rate"] == 0.1
        assert space.genotype(first) == "ResNet-20"
        other = space.parse_genotype("ResNet-20 learning_rate=0.2 weight_decay=0.001")
        assert other == {**first, "learning_rate": 0.2, "weight_decay": 0.001}
