"""Whether a space has any network within a limit."""

from __future__ import annotations

import re

import pytest

from nni_nasplus.errors import UserError
from nni_nasplus.networks.cost import count_parameters
from nni_nasplus.networks.costs.smallest import require_reachable, small
from nni_nasplus.networks.limits import Limits
from nni_nasplus.search.space import SearchSpace
from nni_nasplus.spaces.mobile import MobileSpace

_SPACE = MobileSpace(channels=4, depth=2, classes=3, in_channels=1, size=8, squeeze=False)


def test_the_smallest_architecture_is_the_smallest_of_all():
    conditional = SearchSpace({"a": [3, 1], "b": [5, 2, 4], "c": [2, 9]}, {"c": {"a": [1]}})
    price = lambda one: sum(one.values())  # noqa: E731
    assert small(conditional, price, 0)[1] == min(map(price, conditional)) == 5


def test_no_more_is_tried_than_is_needed():
    tried = []
    small(SearchSpace({"a": [3, 2, 1]}), lambda one: tried.append(one) or one["a"], 3)
    assert tried == [{"a": 3}]


def test_a_limit_below_the_smallest_network_names_it_and_its_size():
    with pytest.raises(UserError, match="--max-parameters is 1; the smallest network") as said:
        require_reachable(_SPACE, Limits(max_parameters=1))
    genotype, size = re.search("network, (.*), takes ([0-9,]+): raise", str(said.value)).groups()
    least = int(size.replace(",", ""))
    assert count_parameters(_SPACE.build(_SPACE.parse_genotype(genotype))) == least
    require_reachable(_SPACE, Limits(max_parameters=least))
