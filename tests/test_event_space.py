"""The event-sequence space: its counts and genotypes, and the promises of its networks on any data."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import nni
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.space import SimplifiedModelSpace, model_context
from safetensors.torch import load, save
from torch import nn

from nni_nasplus.data.events.batch import EventBatch, EventShape
from nni_nasplus.errors import UserError
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.spaces.events import EventSequenceNet, EventSequenceSpace
from nni_nasplus.spaces.events.blocks import Attention
from nni_nasplus.spaces.events.decisions import conditions, decisions
from nni_nasplus.spaces.events.genotype import encode_bits, genotype, parse
from nni_nasplus.spaces.events.head import pool
from nni_nasplus.spaces.events.stem import MaskedBatchNorm
from nni_nasplus.spaces.events.temporal import TemporalEncoding

DATA = Path(os.environ.get("NASPLUS_DATA", Path(__file__).parents[2] / "shared" / "data"))
TABLE = DATA / "nas" / "seqnas_table.csv"

EXAMPLE = "01|1|agc1|44,12|00"
SPACES = {numeric: SearchSpace(decisions(numeric), conditions()) for numeric in (True, False)}
SHAPE = EventShape((30, 12, 5), n_numeric=3, n_classes=3, max_length=20, periods=(1.0, 0.1, 0.01))

shapes = st.builds(
    EventShape,
    cardinalities=st.lists(st.integers(1, 40), max_size=3).map(tuple),
    n_numeric=st.integers(0, 2),
    n_classes=st.integers(2, 4),
    max_length=st.integers(1, 30),
    periods=st.lists(st.sampled_from([1.0, 0.2, 0.003]), max_size=2).map(tuple),
)
networks = settings(max_examples=100, deadline=None, database=None)


def random_architecture(shape: EventShape, seed: int) -> dict:
    return SPACES[shape.n_numeric > 0].sample(np.random.default_rng(seed))


def random_net(shape: EventShape, seed: int, dropout: float = 0.1) -> EventSequenceNet:
    torch.manual_seed(seed)
    return EventSequenceNet(shape, random_architecture(shape, seed), hidden=8, dropout=dropout)


def random_batch(shape: EventShape, users: int, length: int, seed: int = 0) -> EventBatch:
    g = torch.Generator().manual_seed(seed)
    size = (users, length)
    codes = [torch.randint(n, size, generator=g) for n in shape.cardinalities]
    lengths = torch.randint(1, length + 1, (users, 1), generator=g)
    return EventBatch(
        categorical=torch.stack(codes, -1) if codes else torch.zeros(*size, 0, dtype=torch.long),
        numeric=torch.randn(*size, shape.n_numeric, generator=g),
        time=torch.rand(size, generator=g).sort(1).values,
        gap=3 * torch.rand(size, generator=g),
        mask=torch.arange(length) < lengths,
        label=torch.randint(shape.n_classes, (users,), generator=g),
        row=torch.arange(users),
    )


def with_rubbish(batch: EventBatch, extra: int) -> EventBatch:
    """The batch with ``extra`` more padding, and nothing sane in any of it."""
    mask = nn.functional.pad(batch.mask, (0, extra))

    def spoil(x: torch.Tensor, value: float) -> torch.Tensor:
        x = torch.cat([x, x.new_zeros(x.shape[0], extra, *x.shape[2:])], 1)
        return x.masked_fill(~mask.view(*mask.shape, *[1] * (x.ndim - 2)), value)

    return batch._replace(
        categorical=spoil(batch.categorical, -(10**9)),
        numeric=spoil(batch.numeric, torch.nan),
        time=spoil(batch.time, torch.inf),
        gap=spoil(batch.gap, torch.nan),
        mask=mask,
    )


def take(batch: EventBatch, rows: torch.Tensor) -> EventBatch:
    return EventBatch(*(field[rows] for field in batch))


def exact(batch: EventBatch) -> EventBatch:
    """The batch in float64, where a leak shows and rounding does not."""
    return batch._replace(numeric=batch.numeric.double(), time=batch.time.double(), gap=batch.gap.double())


def close(a: torch.Tensor, b: torch.Tensor) -> bool:
    tolerance = 1e-9 if a.dtype == torch.float64 else 2e-6
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance)


def table_genotypes() -> list[str]:
    if not TABLE.exists():
        pytest.skip(f"no {TABLE}; set NASPLUS_DATA to the folder of shared data")
    with TABLE.open(newline="") as file:
        return [row["genotype"] for row in csv.DictReader(file)]


def test_counts():
    assert SPACES[True].size == 3_425_438_016
    assert SPACES[False].size == 428_179_752


def test_importing_decisions_and_genotypes_leaves_torch_out():
    code = (
        "import sys, nni_nasplus.spaces.events.genotype as g; g.parse(sys.argv[1]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, EXAMPLE], check=True)


def test_published_genotypes_round_trip():
    rows = table_genotypes()
    assert len(rows) == 2397
    for row in rows:
        architecture = parse(row)
        assert genotype(architecture) == row
        assert list(SPACES[True].validate(architecture).items()) == list(architecture.items())


@pytest.mark.parametrize("numeric", [True, False])
def test_sampled_architectures_round_trip(numeric):
    rng = np.random.default_rng(0)
    for _ in range(300):
        architecture = SPACES[numeric].sample(rng)
        text = genotype(architecture)
        assert parse(text) == architecture
        assert text.startswith("|") != numeric


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("01|1|agc1|44", "4 fields"),
        ("41|1|g||00", "stem is '41'"),
        ("01|2|g||00", "temporal encoding is '2'"),
        ("01|1|g,a3||00", "encoder layer 2 is 'a3'"),
        ("01|1|g1||00", "encoder layer 1 is 'g1'"),
        ("01|1|g,g,g||00", "3 encoder layers"),
        ("01|1|g|4|00", "decoder layer 1 is '4'"),
        ("01|1|g|11,11,11|00", "3 decoder layers"),
        ("01|1|g||03", "head is '03'"),
    ],
)
def test_a_bad_genotype_is_told_in_one_line(text, part):
    with pytest.raises(UserError, match=r"^[^\n]*(allowed|give)[^\n]*$") as raised:
        parse(text)
    assert part in str(raised.value)


def test_bits_of_the_example():
    bits = encode_bits(parse("31|1|agc4,g|82|12"))
    on = {3, 4, 5, 6, 7, 16, 18, 38, 39, 40, 41, 70, 72, *range(86, 94), 102, 103, 118, 121}
    assert [i for i, bit in enumerate(bits) if bit] == sorted(on)
    assert encode_bits(parse("|1|agc4,g|82|12")) == bits[5:]


def test_bits_have_71_informative_columns():
    rng = np.random.default_rng(0)
    bits = np.array([encode_bits(SPACES[True].sample(rng)) for _ in range(1500)])
    assert bits.shape[1] == 122
    columns = {tuple(c) for c in bits.T}
    assert len([c for c in columns if len(set(c)) == 2]) == 71
    heads = bits[:, 38:70].reshape(-1, 4, 8)
    assert (np.diff(heads, axis=2) <= 0).all()
    assert set(heads.sum(2).ravel()) == {0, 1, 2, 4, 8}


@networks
@given(shapes, st.integers(0, 10**6), st.integers(1, 4), st.integers(0, 5), st.booleans())
def test_padding_never_changes_a_logit(shape, seed, users, extra, training):
    net = random_net(shape, seed, dropout=0.0).double().train(training)
    batch = exact(random_batch(shape, users, shape.max_length, seed))
    logits = net(batch)
    assert logits.shape == (users, shape.n_classes)
    assert logits.isfinite().all()
    assert close(net(with_rubbish(batch, extra)), logits)


@networks
@given(shapes, st.integers(0, 10**6))
def test_gradients_are_finite_and_reach_every_parameter(shape, seed):
    net = random_net(shape, seed).train()
    batch = with_rubbish(random_batch(shape, 3, shape.max_length, seed), 2)
    nn.functional.cross_entropy(net(batch), batch.label).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert all(buffer.isfinite().all() for buffer in net.buffers())


@networks
@given(shapes, st.integers(0, 10**6))
def test_users_do_not_see_each_other(shape, seed):
    net = random_net(shape, seed).double().eval()
    batch = exact(random_batch(shape, 4, shape.max_length, seed))
    rows = torch.tensor([2, 0, 3])
    assert close(net(take(batch, rows)), net(batch)[rows])


def test_users_of_one_event_train_alone():
    batch = random_batch(SHAPE, 1, 1)
    for seed in range(20):
        net = random_net(SHAPE, seed).train()
        assert net(batch).isfinite().all()
        assert net.eval()(batch).isfinite().all()


def test_every_op_fits_the_narrowest_events():
    shape = EventShape((1,), 0, 2, 4, ())
    batch = random_batch(shape, 2, 4)
    for op in decisions(False)["encoder_1_op"]:
        heads = "1" if "a" in op else ""
        net = EventSequenceNet(shape, parse(f"|1|{op}{heads}|11|02"))
        assert net.stem.width == 3
        assert net(batch).shape == (2, 2)


def test_attention_equals_its_equation():
    torch.manual_seed(0)
    heads, hidden, width = 4, 5, 7
    attention = Attention(width, heads, hidden)
    nn.init.normal_(attention.scale)
    x, memory, mask = torch.randn(2, 3, width), torch.randn(2, 6, width), torch.arange(6) < torch.tensor([[4], [6]])
    w_query, w_key, w_value = attention.qkv.weight.view(3, heads, hidden, width)
    parts = []
    for h in range(heads):
        scores = (x @ w_query[h].T) @ (memory @ w_key[h].T).transpose(1, 2) / hidden**0.5
        weights = scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1)
        parts.append(weights @ (memory @ w_value[h].T) * attention.scale[h])
    expected = attention.out(attention.norm(torch.cat(parts, -1)))
    assert close(attention.cross(x, memory, mask), expected)
    assert close(attention(x), attention.cross(x, x, torch.ones(2, 3, dtype=torch.bool)))


def test_batch_norm_equals_torch_on_the_events():
    batch = random_batch(SHAPE, 5, 9)
    ours, theirs = MaskedBatchNorm(3), nn.BatchNorm1d(3)
    for training in (True, False):
        x = ours.train(training)(batch.numeric, batch.mask)[batch.mask]
        assert close(x, theirs.train(training)(batch.numeric[batch.mask]))
    assert close(ours.running_var, theirs.running_var)


def test_one_event_leaves_the_running_statistics():
    norm = MaskedBatchNorm(3)
    assert not norm(torch.randn(1, 1, 3), torch.ones(1, 1, dtype=torch.bool)).any()
    assert torch.equal(norm.running_mean, torch.zeros(3))
    assert torch.equal(norm.running_var, torch.ones(3))


def test_temporal_encoding_counts_gaps_back_from_the_last_event():
    batch = random_batch(SHAPE, 1, 4)._replace(gap=torch.tensor([[0.0, 2.0, 3.0, 0.0]]))
    temporal = TemporalEncoding((), 2)
    nn.init.eye_(temporal.project.weight)
    nn.init.zeros_(temporal.project.bias)
    gap, until_last = temporal(batch).expm1().unbind(-1)
    assert close(gap, batch.gap)
    assert close(until_last, torch.tensor([[5.0, 3.0, 0.0, 0.0]]))


def test_pooling():
    x, mask = torch.tensor([[[1.0], [5.0], [9.0]]]), torch.tensor([[True, True, False]])
    assert [pool(x, mask, kind).item() for kind in ("mean", "max", "mixed")] == [3.0, 5.0, 4.0]


@pytest.mark.parametrize("field", ["gap", "time"])
@pytest.mark.parametrize("encoding", [0, 1])
def test_time_matters_with_its_encoding_alone(field, encoding):
    torch.manual_seed(0)
    net = EventSequenceNet(SHAPE, {**parse(EXAMPLE), "temporal_encoding": encoding}).eval()
    batch = random_batch(SHAPE, 4, 10)
    later = batch._replace(**{field: getattr(batch, field) + 0.05})
    assert torch.equal(net(later), net(batch)) != bool(encoding)


def make_space() -> EventSequenceSpace:
    return EventSequenceSpace(**SHAPE.to_json(), hidden=8)


def test_nni_space_is_the_search_space():
    space = make_space()
    assert space.search_space == SPACES[True]
    assert space(random_batch(SHAPE, 2, 5)).shape == (2, 3)
    assert space.genotype(space.parse_genotype(EXAMPLE)) == EXAMPLE
    with pytest.raises(UserError, match="stem_kernel"):
        space.parse_genotype("|1|g||00")


def test_nni_freezes_to_what_build_builds():
    space = make_space()
    architecture = space.parse_genotype(EXAMPLE)
    full = {**{name: choices[-1] for name, choices in decisions(True).items()}, **architecture}
    batch = random_batch(SHAPE, 4, 8)
    built = space.build(architecture).eval()
    with model_context(architecture):
        made = make_space()
    for frozen in (space.freeze(architecture), space.freeze(full), made):
        frozen.net.load_state_dict(built.state_dict())
        assert torch.equal(frozen.eval()(batch), built(batch))


def test_nni_json_rebuilds_the_network():
    space = make_space()
    sample = {name: choices[-1] for name, choices in decisions(True).items()}
    simplified = SimplifiedModelSpace.from_model(space, FunctionalEvaluator(len))
    loaded = nni.load(nni.dump(simplified.freeze(sample)))
    expected = space.build(space.search_space.validate(sample)).state_dict()
    assert {k: v.shape for k, v in loaded.executable_model().net.state_dict().items()} == {
        k: v.shape for k, v in expected.items()
    }


def test_seeded_builds_agree_and_weights_reload():
    space, batch = make_space(), random_batch(SHAPE, 4, 8)

    def build(seed: int) -> nn.Module:
        torch.manual_seed(seed)
        return space.build(space.parse_genotype(EXAMPLE)).eval()

    first, again, other = build(0), build(0), build(1)
    assert torch.equal(first(batch), again(batch))
    other.load_state_dict(load(save(first.state_dict())))
    assert torch.equal(first(batch), other(batch))


def test_graph_leads_from_events_to_classes():
    space, rng = make_space(), np.random.default_rng(0)
    for _ in range(50):
        architecture = space.search_space.sample(rng)
        flow = space.graph(architecture)
        sources = {node for node, degree in flow.in_degree() if not degree}
        assert sources == {"events"} | ({"queries"} if architecture["decoder_layers"] else set())
        assert [node for node, degree in flow.out_degree() if not degree] == ["classes"]
        assert all(set(node) == {"label", "kind", "layer"} for _, node in flow.nodes(data=True))
    labels = [label for _, label in space.graph(parse(EXAMPLE)).nodes(data="label")]
    assert {"attention, 1 head", "GRU", "convolution of 3", "cross-attention, 4 heads"} <= set(labels)
