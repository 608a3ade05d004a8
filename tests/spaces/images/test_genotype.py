"""Genotypes of cells: published ones go in and out, others are told in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_networks import random_architecture

from nni_nasplus import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.spaces.images import PUBLISHED, CellGenotype, DartsSpace, Genotype
from nni_nasplus.spaces.images.flow import graph_of

MEMBERS = [name for name in PUBLISHED if name not in ("NASNet", "AmoebaNet")]
PUBLISHED_FORM = """Genotype(
    normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1),
            ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)],
    normal_concat=[2, 3, 4, 5],
    reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1),
            ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)],
    reduce_concat=range(2, 6))"""
cases = settings(max_examples=50, deadline=None, database=None)


@pytest.fixture(scope="module")
def space() -> DartsSpace:
    return DartsSpace(channels=2, layers=3, classes=3, size=8, drop_path=0.0)


@pytest.mark.parametrize("name", MEMBERS)
def test_published_genotypes_go_in_and_out(space, name):
    architecture = space.parse_genotype(name)
    assert space.parse_genotype(space.genotype(architecture)) == architecture
    cells, published = Genotype.parse(space.genotype(architecture)), Genotype.parse(PUBLISHED[name])
    for kind in ("normal", "reduce"):
        pairs = [[sorted(c.cell(kind).pair(node), key=lambda e: e[1]) for node in range(4)] for c in (cells, published)]
        assert pairs[0] == pairs[1]
    assert count_parameters(space.build(architecture)) == count_parameters(space.build_genotype(name))


@cases
@given(seed=st.integers(0, 2**32))
def test_random_genotypes_go_in_and_out(space, seed):
    architecture = random_architecture(space, seed)
    assert space.parse_genotype(space.genotype(architecture)) == architecture


@cases
@given(seed=st.integers(0, 2**32), flips=st.lists(st.booleans(), min_size=8, max_size=8))
def test_the_order_of_a_nodes_inputs_does_not_matter(space, seed, flips):
    architecture = random_architecture(space, seed)
    cells = []
    for kind, text in zip(("normal", "reduce"), space.genotype(architecture).split("/"), strict=True):
        flipped = flips[:4] if kind == "normal" else flips[4:]
        nodes = [node.split(",")[:: -1 if flip else 1] for node, flip in zip(text.split("|"), flipped, strict=True)]
        cells.append("|".join(",".join(node) for node in nodes))
    assert space.parse_genotype("/".join(cells)) == architecture


def test_the_form_of_the_papers_code_is_read(space):
    assert space.parse_genotype(PUBLISHED_FORM) == space.parse_genotype("DARTS_V2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NASNet", "'NASNet' is not in the DARTS space: its normal cell has 5 nodes, not 4; build it with build_geno"),
        ("AmoebaNet", "'AmoebaNet' is not in the DARTS space: its normal cell has 5 nodes"),
        ("DARTS_V3", "unknown genotype 'DARTS_V3'; published ones: DARTS_V1, DARTS_V2"),
        ("sep3~0,sep3~1", "has 1 cells, not 2"),
        ("sep3~0,sep3~2|{n}", "node 0 takes state 2; use an earlier one, 0 to 1"),
        ("sep3~0,sep9~1|{n}", "unknown operation 'sep9'"),
        ("sep3~0,skip|{n}", "'skip' is no edge"),
        ("sep3~0,skip~x|{n}", "'x' is no number of a state"),
        ("sep3~0|{n}", "node 0 has 1 edges"),
        ("sep3~0,skip~0|{n}", "node 0 of its normal cell takes one state twice"),
        ("sep3~0,sep7~1|{n}", "its normal cell uses sep_conv_7x7"),
        ("sep3~0,sep3~1|{n}>2,3", "its normal cell does not output all nodes"),
        ("sep3~0,sep3~1|{n}>2,9", "concatenates states"),
        ("Genotype(normal=1)", "is no genotype"),
        ("Genotype(normal=[()], normal_concat=[2], reduce=[], reduce_concat=[])", "is no genotype"),
        ("Genotype(normal=[('skip_connect', 1e999)], normal_concat=[2])", "is no genotype"),
        ("__import__('os').system('normal')", "is no genotype"),
    ],
)
def test_a_bad_genotype_is_told_in_one_line(space, text, message):
    nodes = "sep3~0,sep3~1|sep3~0,sep3~1|sep3~0,sep3~1"
    if "{n}" in text:
        text = text.format(n=nodes) + f"/sep3~0,sep3~1|{nodes}"
    with pytest.raises(UserError, match=r"^[^\n]+$") as raised:
        space.parse_genotype(text)
    assert message in str(raised.value)


@cases
@given(st.text(alphabet="sep3~0,1|/>skip normalGenotype(=[]')x", max_size=40))
def test_any_text_is_a_genotype_or_a_named_error(space, text):
    try:
        architecture = space.parse_genotype(text)
    except UserError:
        return
    assert space.search_space.validate(architecture) == architecture


def test_two_operations_on_one_state_share_an_arc():
    graph = graph_of(Genotype.parse(PUBLISHED["NASNet"]))
    assert graph.edges["normal c_{k-2}", "normal 3"]["label"] == "avg_pool_3x3\navg_pool_3x3"
    assert set(graph.predecessors("reduce c_{k}")) == {f"reduce {node}" for node in (2, 3, 4)}


def test_a_cell_needs_nodes():
    with pytest.raises(UserError, match="a cell has 0 edges; give two to each node"):
        CellGenotype((), (2,))


def test_importing_genotypes_leaves_torch_out():
    code = (
        "import sys, nni_nasplus.spaces.images as images; images.Genotype.parse(images.PUBLISHED['GDAS_V1']);"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
