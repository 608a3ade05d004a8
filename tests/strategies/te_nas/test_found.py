"""What TE-NAS finds by seed, and by which scores, is what it found before it was a one-shot search like others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from te_nas_events import space_of
from te_nas_searches import DARTS, NB201, SMALL, images

from nni_nasplus.one_shot.fit import fit
from nni_nasplus.strategies.te_nas import TENAS, networks_of

FOUND = json.loads(Path(__file__).with_suffix(".json").read_text())
SPACES = {"nb201": NB201, "nb201-released": NB201, "events": space_of(), "darts": DARTS}
OPTIONS = {"nb201-released": {"as_released": True}, "darts": {"prune": 6, "repeats": 1}}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


QUICK = ("nb201/0", "nb201-released/0")


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=pytest.mark.system if case in QUICK else pytest.mark.slow) for case in FOUND]
)
def test_the_same_is_found_by_the_same_scores(case):
    name, seed = case.split("/")
    space = SPACES[name]
    options = {"repeats": 2, **SMALL, **OPTIONS.get(name, {})}
    search = TENAS(networks_of(space), images(space), seed=int(seed), **options)
    found = fit(search).architectures[0]
    assert space.genotype(found) == FOUND[case]["found"]
    for (_, known), (kappa, regions) in zip(search.rounds, FOUND[case]["rounds"], strict=True):
        assert known["regions"] == regions
        assert known.get("kappa") == (None if kappa is None else pytest.approx(kappa, rel=1e-6))
