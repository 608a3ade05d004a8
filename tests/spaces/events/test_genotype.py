"""Decisions about event sequences: their counts, and their genotypes and bits."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from event_examples import EXAMPLE, SPACES

from nni_nasplus.errors import UserError
from nni_nasplus.spaces.events.genotype import encode_bits, genotype, parse

DATA = Path(os.environ.get("NASPLUS_DATA", Path(__file__).parents[4] / "shared" / "data"))
TABLE = DATA / "nas" / "seqnas_table.csv"


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
        ("01|1|g||05", "head is '05'"),
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
