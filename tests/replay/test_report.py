"""What the benchmark prints and draws."""

from __future__ import annotations

import numpy as np
import pytest
import replay_report
from events_data import data_path
from places import ROOT
from processes import run_python
from toy_tables import search_on, table_of

from nni_nasplus.replay.curves import draw_curves
from nni_nasplus.replay.replay import replay


class TestReport:
    def lines(self, table):
        for method in ("evolution", "random"):
            for seed in range(5):
                rows = replay(search_on(method, table, seed), table, budget=20).rows
                yield {"table": "toy", "method": method, "batch": 1, "seed": seed, "rows": rows, "seconds": 0.02}

    def test_the_table_has_medians_regrets_ratios_and_times(self):
        table = table_of(20)
        lines = list(self.lines(table))
        printed = replay_report.markdown(lines, table, ["random", "evolution"], 300, "evolution", 1)
        hits = {m: [table.reached(x["rows"]) for x in lines if x["method"] == m] for m in ("random", "evolution")}
        rows = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in printed.splitlines() if " | " in line}
        for method, found in hits.items():
            assert rows[method][1].split()[0] == str(int(np.median(found)))
            assert rows[method][3].split()[0] == "0"
            assert rows[method][6] == "1.0"
        expected = np.median(hits["random"]) / np.median(hits["evolution"])
        assert rows["random"][2].split()[0] == f"{expected:.2f}"

    def test_pairs_are_of_one_table_and_seed(self):
        table = table_of(27)
        order = np.argsort(table.regrets).tolist()
        best, found = order[0], {"ours": (4, 10), "m": (8, 5)}
        lines = [
            {"table": "toy", "method": method, "batch": 1, "seed": seed, "rows": [*order[-place + 1 :], best]}
            for method, places in found.items()
            for seed, place in enumerate(places)
        ]
        printed = replay_report.in_pairs(lines, {"toy": table}, ["ours", "m", "absent"], 25, "ours")
        assert "| m | 1.00 (0.50 to 2.00) | -0.5 (-5.0 to +4.0) | -5 (-5 to +4) | 2 |" in printed
        assert "absent" not in printed

    def test_a_search_that_did_not_arrive_is_above_the_budget(self):
        table = table_of(27)
        worst = np.argsort(-table.regrets)[:25].tolist()
        lines = [{"table": "toy", "method": "m", "batch": 1, "seed": s, "rows": worst, "seconds": 1} for s in range(3)]
        assert "| m | >25 (>25 to >25) |" in replay_report.markdown(lines, table, ["m"], 25, "m", 1)

    def test_pictures_are_the_same_every_time(self, tmp_path):
        curves = {"toy": {"ours": np.array([[3.0, 1.0, 0.0], [np.inf, 2.0, 1.0]]), "theirs": np.ones((4, 3))}}
        for name in ("a", "b"):
            draw_curves(curves, tmp_path / f"{name}.svg", ["ours"])
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
        draw_curves(curves, tmp_path / "a.png", ["ours"])
        assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_the_benchmark_resumes_prints_and_draws(tmp_path):
    data = data_path("nas/seqnas_table.csv").parent
    script = [ROOT / "benchmarks" / "replay.py", "--data", data, "--tables", "seqnas_age"]
    script += ["--methods", "random", "evolution:population_size=5", "--results", tmp_path / "results.jsonl"]
    script += ["--out", tmp_path / "out", "--ours", "evolution:population_size=5", "--seeds"]
    first = run_python([*script, "2"], check=True)
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    (tmp_path / "results.jsonl").write_text("\n".join(lines) + '\n{"table": "cut o')
    second = run_python([*script, "3"], check=True)
    kept = (tmp_path / "results.jsonl").read_text().splitlines()
    assert len(lines) == 4
    assert len([line for line in kept if line.endswith("}")]) == 6
    assert "| 2 |" in first.stdout
    assert "| 3 |" in second.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"replay_seqnas.svg", "replay_seqnas.png"}
