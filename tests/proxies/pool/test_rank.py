"""A pool of architectures, ranked by a proxy: a space and examples are all it takes."""

from __future__ import annotations

from itertools import islice

import pytest
from pools import NB201, pictures

from nni_nasplus import UserError
from nni_nasplus.proxies import UntrainedProxy, rank_pool
from nni_nasplus.proxies.pool.random_architectures import random_architectures


def test_it_needs_no_run_and_no_file():
    heard = []
    ranking = rank_pool(NB201, "snip", 3, pictures(4), seed=7, progress=lambda *now: heard.append(([*now[0]], now[1])))
    value = UntrainedProxy(NB201, "snip", pictures(4), 7)
    drawn = list(islice(random_architectures(NB201.search_space, 7), 3))
    assert heard == [([value(a) for a in drawn[:n]], 3) for n in (1, 2, 3)]
    assert ranking.architectures == sorted(drawn, key=value, reverse=True)


def test_the_file_of_another_proxy_is_named(tmp_path):
    rank_pool(NB201, "snip", 2, pictures(4), file=tmp_path / "kept.csv")
    with pytest.raises(UserError, match=r"kept\.csv holds no values of naswot; name another file, or remove it"):
        rank_pool(NB201, "naswot", 2, pictures(4), file=tmp_path / "kept.csv")
