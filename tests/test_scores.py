"""Training-free scores: exact by naive references, invariant where theory says so, and pure functions on all data."""

from __future__ import annotations

import math
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_recurrent_classifier import classifier, padded, texts_of
from torch import nn

from nni_nasplus import UserError
from nni_nasplus.cli import main
from nni_nasplus.data.images import ImageBatch
from nni_nasplus.networks.supernet import Edge
from nni_nasplus.proxies import (
    SCORES,
    condition_number,
    jacobian,
    linear_regions,
    naswot,
    ntk_condition,
    patterns,
    random_batch,
    require_distinct,
    score_named,
    synaptic_flow,
    synflow,
)
from nni_nasplus.proxies.examples import one
from nni_nasplus.proxies.jacobian_covariance import input_jacobian
from nni_nasplus.proxies.naswot import hamming_kernel
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.spaces.images import ChainMacro, DartsSpace, NasBench201Space, NasBench201Supernet
from nni_nasplus.spaces.recurrent import DartsRecurrentSpace, RecurrentCellSpace

N = 6
cases = settings(max_examples=25, deadline=None, database=None)
SPACES = {
    "nasbench201": lambda: NasBench201Space(channels=4, cells=1, size=8),
    "darts": lambda: DartsSpace(channels=4, layers=3, size=8),
    "events": lambda: EventSequenceSpace(max_length=9, hidden=4),
    "rnn": lambda: RecurrentCellSpace(30, 8, 10, 2),
    "darts-rnn": lambda: DartsRecurrentSpace(30, 8, 1),
}
GENOTYPES = {
    "nasbench201": "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|",
    "darts": "DARTS_V2",
    "events": "01|1|agc1|44,12|00",
    "rnn": "lstm",
    "darts-rnn": "DARTS_V2",
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def case(name):
    """A network of a space, and a batch for it."""
    space = SPACES[name]()
    torch.manual_seed(0)
    network = space.build(space.parse_genotype(GENOTYPES[name]))
    return network, random_batch(space, N, generator())


def chain(*widths, bias=False):
    """Linear layers with ReLUs between them."""
    torch.manual_seed(0)
    layers = [nn.Linear(a, b, bias=bias) for a, b in pairwise(widths)]
    return nn.Sequential(*(m for layer in layers for m in (layer, nn.ReLU())))[:-1]


def naive_jacobian(network, batch, samples):
    """One pass backwards for each example, as in the released code of TE-NAS, without dropout."""
    network = deepcopy(network).double().eval()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    double = [f.double() if f.is_floating_point() else f for f in (batch if isinstance(batch, tuple) else [batch])]
    output = network(type(batch)(*double) if isinstance(batch, tuple) else double[0])
    logits = output[0].transpose(0, 1) if isinstance(output, tuple) else output
    rows = []
    for i in range(samples):
        network.zero_grad()
        logits[i].sum().backward(retain_graph=True)
        named = network.named_parameters()
        rows.append(torch.cat([p.grad.flatten() for name, p in named if "weight" in name and p.grad is not None]))
    return torch.stack(rows)


class TestContract:
    @pytest.mark.parametrize("score", SCORES)
    @pytest.mark.parametrize("name", SPACES)
    def test_a_score_is_a_pure_function(self, name, score):
        network, batch = case(name)
        network.train()
        list(network.modules())[-1].eval()
        for p in network.parameters():
            p.grad = torch.full_like(p, 0.5)
        next(network.parameters()).requires_grad_(False)
        state, modes = deepcopy(network.state_dict()), [m.training for m in network.modules()]
        hooks = [len(m._forward_hooks) for m in network.modules()]
        before, random = deepcopy(batch), torch.get_rng_state()
        first = SCORES[score](network, batch, generator(1))
        assert isinstance(first, float)
        assert first == -math.inf if (name, score) == ("rnn", "naswot") else math.isfinite(first)
        assert SCORES[score](network, batch, generator(1)) == first
        assert torch.equal(torch.get_rng_state(), random)
        assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
        assert [m.training for m in network.modules()] == modes
        assert [len(m._forward_hooks) for m in network.modules()] == hooks
        assert all((p.grad == 0.5).all() for p in network.parameters())
        assert [p.requires_grad for p in network.parameters()].count(False) == 1
        fields = zip(*((b if isinstance(b, tuple) else [b]) for b in (batch, before)), strict=True)
        assert all(torch.equal(now, then) for now, then in fields)

    @pytest.mark.parametrize("score", SCORES)
    def test_dropout_is_off(self, score):
        """Of a network with dropout, trained or not, a score is that of the network without."""
        networks = [nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, 3)) for p in (0.0, 0.9)]
        networks[1].load_state_dict(networks[0].state_dict())
        images = torch.randn(N, 5, generator=generator())
        values = [SCORES[score](network.train(), images, generator()) for network in networks]
        assert values[0] == values[1]

    @pytest.mark.parametrize("score", SCORES)
    def test_a_supernet_has_scores(self, score):
        torch.manual_seed(0)
        supernet = NasBench201Supernet(ChainMacro(3, 1), mode="sum")
        value = SCORES[score](supernet, torch.randn(N, 3, 8, 8, generator=generator()))
        assert math.isfinite(value)

    @pytest.mark.parametrize("score", ["grad_norm", "snip"])
    def test_the_generator_draws_the_labels_that_are_not_known(self, score):
        network, images = case("nasbench201")
        drawn = {SCORES[score](network, images, generator(seed)) for seed in range(3)}
        assert len(drawn) == 3
        labels = torch.arange(N)
        known = {SCORES[score](network, ImageBatch(images, labels), generator(seed)) for seed in range(3)}
        assert len(known) == 1
        assert not known & drawn

    @pytest.mark.parametrize("score", SCORES)
    def test_texts_have_scores_whatever_follows_them(self, score):
        texts = texts_of([7] * 5)
        value = SCORES[score](classifier("lstm"), padded(texts), generator())
        assert math.isfinite(value)

    def test_names_and_directions(self):
        assert {name for name, score in SCORES.items() if score.direction == "lower"} == {"ntk", "ntk_fixed"}
        assert SCORES["ntk"].utility(3.0) == -3.0 and SCORES["naswot"].utility(3.0) == 3.0
        with pytest.raises(UserError, match="unknown score 'magic'; scores: ntk, "):
            score_named("magic")


class TestNTK:
    @pytest.mark.parametrize("name", SPACES)
    def test_it_is_that_of_the_naive_loop(self, name):
        network, batch = case(name)
        rows = naive_jacobian(network, batch, N)
        values = torch.linalg.eigvalsh(rows @ rows.T)
        assert ntk_condition(network, batch) == pytest.approx(float(values[-1] / values[0]), rel=1e-6)

    @pytest.mark.parametrize("name", SPACES)
    def test_with_fixed_statistics_it_is_that_of_examples_alone(self, name):
        network, batch = case(name)
        frozen = deepcopy(network).double()
        for module in frozen.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = 1.0
        double = [f.double() if f.is_floating_point() else f for f in (batch if isinstance(batch, tuple) else [batch])]
        double = type(batch)(*double) if isinstance(batch, tuple) else double[0]
        for module in frozen.eval().modules():
            module.train(isinstance(module, nn.modules.batchnorm._BatchNorm))
        with torch.no_grad():
            frozen(double)
        rows = []
        for i in range(N):
            output = frozen.eval()(one(double, i))
            named = {k: p for k, p in frozen.named_parameters() if "weight" in k}
            total = (output[0] if isinstance(output, tuple) else output).sum()
            grads = torch.autograd.grad(total, list(named.values()), allow_unused=True)
            rows.append(torch.cat([g.flatten() for g in grads if g is not None]))
        expected = condition_number(torch.stack(rows))
        assert ntk_condition(network, batch, statistics="fixed") == pytest.approx(expected, rel=1e-6)

    def test_without_batch_norms_the_statistics_do_not_matter(self):
        network, images = chain(5, 9, 4), torch.randn(N, 5, generator=generator())
        assert ntk_condition(network, images) == ntk_condition(network, images, statistics="fixed")

    def test_of_a_linear_model_it_is_that_of_the_inputs(self):
        """The gradient of Σ (Wx) by W is x in each row, so Θ is C · X Xᵀ."""
        images = torch.randn(4, 7, generator=generator(), dtype=torch.float64)
        values = torch.linalg.svdvals(images)
        assert ntk_condition(nn.Linear(7, 3), images) == pytest.approx(float((values[0] / values[-1]) ** 2), rel=1e-9)

    def test_the_supernet_of_te_nas_has_14364_columns(self):
        supernet = NasBench201Supernet(ChainMacro(3, 1), mode="sum")
        assert jacobian(supernet, torch.randn(2, 3, 32, 32)).shape == (2, 14364)
        weights = sum(p.numel() for p in supernet.parameters()) + sum(a.numel() for a in supernet.alphas.values())
        assert weights == 14707

    @cases
    @given(st.integers(0, 10**6), st.integers(2, 6), st.floats(1e-3, 1e3))
    def test_it_is_1_or_more_and_knows_no_scale(self, seed, count, scale):
        torch.manual_seed(seed)
        network, images = nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 3)), torch.randn(count, 6)
        κ = ntk_condition(network, images)

        class Scaled(nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = network

            def forward(self, x):
                return scale * self.inner(x)

        assert κ >= 1
        assert ntk_condition(Scaled(), images) == pytest.approx(κ, rel=1e-6)

    @pytest.mark.parametrize("statistics", ["batch", "fixed"])
    def test_equal_examples_make_it_infinite(self, statistics):
        network, batch = case("nasbench201")
        twice = torch.cat([batch, batch[:1]])
        assert ntk_condition(network, twice, statistics=statistics) == math.inf
        assert ntk_condition(network, torch.ones_like(batch), statistics=statistics) == math.inf

    def test_statistics_that_are_not_tracked_are_fixed_as_well(self):
        torch.manual_seed(0)
        conv, images = nn.Conv2d(1, 4, 3, bias=False), torch.randn(N, 1, 6, 6)
        norms = [nn.BatchNorm2d(4, track_running_stats=tracked) for tracked in (True, False)]
        networks = [nn.Sequential(conv, norm, nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)) for norm in norms]
        networks[1][4].load_state_dict(networks[0][4].state_dict())
        κ = [ntk_condition(network, images, statistics="fixed") for network in networks]
        assert κ[0] == pytest.approx(κ[1], rel=1e-9)

    def test_one_logit_without_an_axis(self):
        class Squeezed(nn.Linear):
            def forward(self, x):
                return super().forward(x).squeeze(1)

        network, images = Squeezed(7, 1), torch.randn(3, 7)
        plain = nn.Linear(7, 1)
        assert ntk_condition(network, images) == pytest.approx(ntk_condition(plain, images), rel=1e-9)

    def test_fewer_weights_than_examples_make_it_infinite(self):
        assert ntk_condition(nn.Linear(3, 1), torch.randn(4, 3)) == math.inf

    def test_an_overflow_is_told_as_such(self):
        network = chain(3, 4, 2).double()
        network[2].weight.data.fill_(1e300)
        assert math.isnan(ntk_condition(network, 1e300 * torch.randn(3, 3, dtype=torch.float64)))


class TestPatterns:
    @pytest.mark.parametrize(
        "activation",
        [
            nn.ReLU(inplace=True),
            torch.relu,
            torch.Tensor.relu,
            torch.Tensor.relu_,
            nn.functional.relu,
            nn.LeakyReLU(),
            nn.Mish(),
            nn.GELU(),
            torch.tanh,
        ],
    )
    def test_an_activation_is_seen_however_it_is_called(self, activation):
        class Network(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(3, 4)

            def forward(self, x):
                return activation(self.layer(x))

        network, x = Network(), torch.randn(5, 3)
        (signs,) = patterns(network, x)
        assert torch.equal(signs, network.layer(x) > 0)

    def test_the_thin_supernet_of_te_nas_has_117_units(self):
        """18 3×3 patches each for the operations, 9 for the last ReLU."""
        supernet = NasBench201Supernet(ChainMacro(1, 1, in_channels=1, stages=1, stem=False), mode="sum")
        images = torch.randn(4, 1, 3, 3)
        assert sum(signs.shape[1] for signs in patterns(supernet, images)) == 117
        edge = Edge("cell", 0, 1)
        with supernet.without(edge, "nor_conv_3x3"):
            assert sum(signs.shape[1] for signs in patterns(supernet, images)) == 108

    def test_of_texts_examples_are_columns(self):
        network, tokens = case("rnn")
        assert {len(signs) for signs in patterns(network, tokens)} == {N}
        assert len(patterns(network, tokens)) % len(tokens) == 0

    def test_without_a_relu(self):
        network, images = nn.Linear(3, 2), torch.randn(4, 3)
        assert patterns(network, images) == []
        assert linear_regions(network, images) == 1
        assert naswot(network, images) == -math.inf
        for score in (linear_regions, naswot):
            with pytest.raises(UserError, match="no ReLU in the model"):
                score(network, images, strict=True)


class TestLinearRegions:
    @cases
    @given(st.integers(0, 10**6), st.integers(2, 40), st.integers(1, 20))
    def test_it_counts_distinct_rows(self, seed, count, units):
        torch.manual_seed(seed)
        network, points = chain(2, units, units, 1, bias=True), torch.randn(count, 2)
        x = network[0](points)
        rows = torch.cat([x > 0, network[2](x.clamp(min=0)) > 0], 1)
        found = linear_regions(network, points)
        assert found == len(torch.unique(rows, dim=0)) <= count

    def test_a_line_is_cut_once_by_each_unit(self):
        """ReLUs of x, x − 1, …, x − 9 cut a line into 11 regions."""
        network = nn.Sequential(nn.Linear(1, 10), nn.ReLU())
        network[0].weight.data.fill_(1.0)
        network[0].bias.data = -torch.arange(10.0)
        assert linear_regions(network, torch.linspace(-2, 12, 500).unsqueeze(1)) == 11

    def test_equal_examples_are_one_region(self):
        network, batch = case("nasbench201")
        assert linear_regions(network, torch.ones_like(batch)) == 1


class TestNASWOT:
    @pytest.mark.parametrize("name", SPACES)
    def test_the_kernel_is_units_less_hamming_distance(self, name):
        network, batch = case(name)
        kernel, on = hamming_kernel(network, batch), torch.cat(patterns(network, batch), 1)
        assert (kernel.diag() == on.shape[1]).all()
        expected = [[int((a == b).sum()) for a in on] for b in on]
        assert kernel.tolist() == expected
        assert naswot(network, batch) == pytest.approx(float(torch.linalg.slogdet(kernel)[1]), rel=1e-9)

    def test_equal_examples_give_minus_infinity(self):
        network, batch = case("darts")
        assert naswot(network, torch.cat([batch, batch[2:3]])) == -math.inf

    def test_fewer_units_than_examples_give_minus_infinity(self):
        assert naswot(chain(3, 2, 1), torch.randn(8, 3)) == -math.inf


class TestSynFlow:
    @cases
    @given(st.integers(0, 10**6), st.lists(st.integers(1, 6), min_size=2, max_size=5))
    def test_flow_is_conserved_from_layer_to_layer(self, seed, widths):
        torch.manual_seed(seed)
        network = chain(*widths)
        flows = [float(flow.sum()) for flow in synaptic_flow(network, torch.randn(3, widths[0])).values()]
        value = torch.ones(widths[0], dtype=torch.float64)
        for layer in network[::2]:
            value = layer.weight.detach().double().abs() @ value
        assert flows == pytest.approx([float(value.sum())] * (len(widths) - 1), rel=1e-9)
        assert synflow(network, torch.randn(3, widths[0])) == pytest.approx(sum(flows))

    @pytest.mark.parametrize("name", ["nasbench201", "events", "rnn"])
    def test_data_do_not_matter(self, name):
        network, batch = case(name)
        other = random_batch(SPACES[name](), N + 1, generator(5))
        if name != "events":
            assert synflow(network, batch) == synflow(network, other)
        assert synflow(network, batch) > 0

    def test_norms_pass_on_what_they_are_given(self):
        plain = nn.Sequential(nn.Conv2d(2, 3, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4, bias=False))
        normed = nn.Sequential(plain[0], nn.BatchNorm2d(3), plain[1], plain[2], nn.LayerNorm(27), plain[3])
        nn.init.constant_(normed[1].weight, 7.0)
        images = torch.randn(1, 2, 5, 5)
        assert synflow(normed, images) == pytest.approx(synflow(plain, images), rel=1e-12)


class TestGradients:
    def test_they_are_those_of_cross_entropy(self):
        network, images, labels = chain(5, 8, 3), torch.randn(N, 5), torch.arange(N) % 3
        network = network.double()
        nn.functional.cross_entropy(network(images.double()), labels).backward()
        batch = ImageBatch(images, labels)
        weights = [network[0].weight, network[2].weight]
        norm = sum(float(w.grad.norm()) for w in weights)
        saliency = sum(float((w.detach() * w.grad).abs().sum()) for w in weights)
        assert SCORES["grad_norm"](network, batch) == pytest.approx(norm, rel=1e-12)
        assert SCORES["snip"](network, batch) == pytest.approx(saliency, rel=1e-12)

    def test_of_texts_the_label_is_the_next_token(self):
        network, tokens = case("rnn")
        logits = network.double().eval()(tokens)[0]
        last = torch.randint(30, (35, N), generator=generator())[-1]
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), torch.cat([tokens[1:], last[None]]).flatten())
        weights = [p for name, p in network.named_parameters() if p.ndim > 1]
        expected = sum(float(g.norm()) for g in torch.autograd.grad(loss, weights))
        assert SCORES["grad_norm"](network, tokens, generator()) == pytest.approx(expected, rel=1e-9)


class TestJacobianCovariance:
    def test_the_rows_are_derivatives_by_the_examples(self):
        network, images = chain(5, 8, 3), torch.randn(N, 5)
        on = (network[0](images) > 0).double()
        expected = (on * network[2].weight.double().sum(0)) @ network[0].weight.double()
        torch.testing.assert_close(input_jacobian(network.double(), images), expected.detach())

    @pytest.mark.parametrize(("name", "numbers"), [("rnn", 35 * 8), ("nasbench201", 3 * 64)])
    def test_codes_are_replaced_by_their_embeddings(self, name, numbers):
        assert input_jacobian(*case(name)).shape == (N, numbers)

    def test_it_is_best_where_examples_are_not_alike(self):
        """Orthogonal rows have the identity for correlations: −N (log(1 + ε) + 1 / (1 + ε))."""
        from nni_nasplus.proxies import jacobian_covariance as module

        rows = torch.tensor(np.array([[1, -1, 1, -1], [1, 1, -1, -1]]), dtype=torch.float64)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "input_jacobian", lambda *_: rows)
            value = module.jacob_cov(nn.Linear(1, 1), torch.randn(2, 4))
        assert value == pytest.approx(-2 * (math.log(1 + 1e-5) + 1 / (1 + 1e-5)))

    def test_a_network_that_does_not_look(self):
        network = nn.Linear(4, 2)
        nn.init.zeros_(network.weight)
        assert SCORES["jacob_cov"](network, torch.randn(3, 4)) == -math.inf


class TestBadInput:
    @pytest.mark.parametrize("score", ["ntk", "ntk_fixed", "linear_regions", "naswot", "jacob_cov"])
    @pytest.mark.parametrize("name", SPACES)
    def test_a_batch_of_one(self, score, name):
        network, batch = case(name)
        with pytest.raises(UserError, match="the batch has one example"):
            SCORES[score](network, one(batch, 0))

    def test_equal_examples(self):
        network, batch = case("nasbench201")
        for same in (torch.zeros_like(batch), batch[:1].expand(N, -1, -1, -1)):
            with pytest.raises(UserError, match=f"all {N} examples of the batch are equal"):
                SCORES["jacob_cov"](network, same)
        labels = torch.arange(N)
        with pytest.raises(UserError, match="are equal"):
            require_distinct(ImageBatch(torch.zeros_like(batch), labels))
        for name in SPACES:
            require_distinct(case(name)[1])

    def test_an_output_that_is_not_one_of_examples(self):
        with pytest.raises(UserError, match=r"the network gives \(20,\) for 4 examples"):
            ntk_condition(nn.Sequential(nn.Linear(5, 5), nn.Flatten(0)), torch.randn(4, 5))

    def test_a_network_without_weights(self):
        with pytest.raises(UserError, match="no parameter named a weight"):
            ntk_condition(nn.Flatten(), torch.randn(4, 5))

    def test_a_space_of_unknown_data(self):
        space = NasBench201Space(4, 1)
        space.example = lambda: "text"
        with pytest.raises(UserError, match="no random inputs for NasBench201Space"):
            random_batch(space, 2, generator())


class TestCommand:
    def test_it_ranks_genotypes(self, capsys):
        main(["score", "--space", "rnn", "--genotype", "lstm", "--genotype", "gru", *SIZES, "--scores", "naswot,ntk"])
        text = capsys.readouterr().out
        assert "naswot ↑" in text and "ntk ↓" in text
        assert text.count("linear(") >= 2

    def test_equal_seeds_give_equal_tables(self, capsys):
        outputs = []
        for seed in (3, 3, 4):
            main(["score", "--space", "rnn", "--sample", "3", *SIZES, "--batch", "4", "--seed", str(seed)])
            outputs.append(capsys.readouterr().out)
        assert outputs[0] == outputs[1] != outputs[2]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--scores", "magic"], "unknown score 'magic'"),
            (["--batch", "1"], "the batch has one example"),
            (["--batch", "0"], "--batch is 0"),
            (["--sample", "-1"], "--sample is -1"),
        ],
    )
    def test_bad_input(self, capsys, words, message):
        with pytest.raises(SystemExit):
            main(["score", "--space", "rnn", "--genotype", "gru", *SIZES, *words])
        assert message in capsys.readouterr().err

    def test_nothing_to_score(self, capsys):
        with pytest.raises(SystemExit):
            main(["score", "--space", "rnn"])
        assert "nothing to score; name architectures with --genotype" in capsys.readouterr().err


SIZES = ["--vocabulary", "20", "--embedding", "6", "--hidden", "6", "--layers", "1"]
