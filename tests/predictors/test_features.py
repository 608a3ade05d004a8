"""Architectures as features, and a prior as one of them."""

from __future__ import annotations

import numpy as np
import pytest
from edges import EDGES

from nni_nasplus import SearchSpace, UserError
from nni_nasplus.predictors.features import Featurizer
from nni_nasplus.predictors.proxy_prior import ProxyPrior
from nni_nasplus.search.ranking import Ranking


class TestFeatures:
    def test_counts_say_how_often_a_choice_occurs_and_scale_weighs_both_kinds_alike(self):
        rng = np.random.default_rng(0)
        architectures = [EDGES.sample(rng) for _ in range(400)]
        features = EDGES.features(architectures)
        counts = features[:, EDGES.feature_groups >= len(EDGES.decisions)]
        for column, choice in zip(counts.T, EDGES.decisions["edge0"], strict=True):
            expected = [list(a.values()).count(choice) for a in architectures]
            np.testing.assert_allclose(column / column[np.argmax(expected)] * max(expected), expected)
        ones = features[:, EDGES.feature_groups < len(EDGES.decisions)]
        assert ones.var(0).sum() / 2 == pytest.approx(counts.var(0).sum(), rel=0.1)

    def test_a_prior_is_a_feature_of_its_own(self):
        prior = Featurizer(EDGES, lambda some: [1e6 * list(a.values()).count("conv") for a in some])
        assert len(prior.groups) == len(EDGES.feature_groups) + 1
        few, many = prior([dict.fromkeys(EDGES.decisions, c) for c in ("none", "conv")])[:, -1]
        assert few < 0 < many

    def test_infinite_opinions_are_farther_than_all_others_and_leave_those_as_they_are(self):
        def counts(some):
            return np.array([float(list(a.values()).count("conv")) for a in some])

        def infinite(some):
            return np.array([{0.0: -np.inf, 5.0: np.inf}.get(n, n) for n in counts(some)])

        rows = [{f"edge{i}": "conv" if i < n else "none" for i in range(5)} for n in range(6)]
        plain, extreme = Featurizer(EDGES, counts)(rows)[:, -1], Featurizer(EDGES, infinite)(rows)[:, -1]
        assert (np.diff(extreme) > 0).all() and np.isfinite(extreme).all()
        steps = np.diff(extreme[1:5])
        np.testing.assert_allclose(steps, steps[0])
        assert extreme[5] - extreme[4] > steps[0] > 0.8 * np.diff(plain)[0]

    def test_a_row_does_not_depend_on_the_others_it_was_asked_with(self):
        scored = [EDGES.sample(np.random.default_rng(seed)) for seed in range(60)]
        prior = ProxyPrior(EDGES, Ranking.of(scored, [list(a.values()).count("conv") for a in scored]))
        many = list(EDGES)[::7]
        together, alone = Featurizer(EDGES, prior)(many), Featurizer(EDGES, prior)
        np.testing.assert_array_equal(together, np.vstack([alone([architecture]) for architecture in many]))

    def test_a_prior_is_asked_once_for_each_architecture(self):
        asked = []

        def prior(some):
            asked.extend(map(EDGES.key, some))
            return np.zeros(len(some))

        featurizer, few = Featurizer(EDGES, prior), list(EDGES)[:20]
        asked.clear()
        for _ in range(3):
            featurizer([*few, *few])
        assert asked == [EDGES.key(a) for a in few]

    def test_a_prior_that_is_always_infinite_says_nothing(self):
        column = Featurizer(EDGES, lambda some: np.full(len(some), -np.inf))(list(EDGES)[:50])[:, -1]
        assert np.ptp(column) == 0

    def test_a_prior_that_is_no_number_is_named(self):
        with pytest.raises(UserError, match="prior is nan"):
            Featurizer(EDGES, lambda some: np.full(len(some), np.nan))


def test_architectures_that_share_no_choice_are_equally_far_apart_however_deep():
    layers = {f"op{i}": ["conv", "gru"] for i in range(4)}
    depths = {f"op{i}": {"depth": [str(n) for n in (2, 4) if n > i]} for i in range(4)}
    space = SearchSpace({"kind": ["a", "b"], "depth": ["0", "2", "4"], **layers}, depths)
    shallow, middle, deep = (
        {"kind": kind, "depth": depth, **{f"op{i}": op for i in range(int(depth))}}
        for kind, depth, op in (("a", "0", ""), ("b", "2", "conv"), ("a", "4", "gru"))
    )
    codes = space.features([shallow, middle, deep])[:, space.feature_groups < len(space.decisions)]
    other = space.features([{"kind": "b", "depth": "2", "op0": "conv", "op1": "gru"}])[0, : codes.shape[1]]
    np.testing.assert_allclose((codes**2).sum(1), 1.0)
    assert ((codes[0] - codes[1]) ** 2).sum() == pytest.approx(((codes[1] - codes[2]) ** 2).sum())
    assert ((codes[0] - other) ** 2).sum() == pytest.approx(2.0)
