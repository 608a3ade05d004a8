"""``nasplus bench``: the strategies on a search's own trials."""

from __future__ import annotations

import numpy as np
import pytest
from toy_tables import ALL, WHOLE

from nni_nasplus.cli import main
from nni_nasplus.replay.resampling import random_median
from nni_nasplus.search.journal import Journal
from nni_nasplus.search.trial import Outcome, Proposal


class TestBench:
    def journal(self, folder, trials, direction="maximize"):
        journal = Journal.create(folder / "journal.jsonl", WHOLE, direction=direction)
        order = np.random.default_rng(0).permutation(len(ALL))[:trials]
        sign = 1 if direction == "maximize" else -1
        for i in order:
            outcome = Outcome(reason="no memory") if i == 3 else Outcome(score=sign * float(i))
            journal.tell(journal.ask(Proposal(ALL[i])).number, outcome)
        journal.ask(Proposal(next(a for i, a in enumerate(ALL) if i not in order)))
        journal.close()
        return order

    @pytest.mark.parametrize("direction", ["maximize", "minimize"])
    def test_it_says_what_each_strategy_would_have_needed(self, tmp_path, capsys, direction):
        order = self.journal(tmp_path, 24, direction)
        main(["bench", str(tmp_path), "--seeds", "4"])
        printed = capsys.readouterr().out
        assert "evaluations, of 24 trained architectures" in printed
        assert f"this run │ {int(np.argmax(order)) + 1}" in " ".join(printed.split())
        assert f"random, exact │ {random_median(24, 1)} │ {random_median(24, 2)}" in " ".join(printed.split())
        for name in ("evolution", "random", "thompson"):
            assert name in printed
        assert "tenas" not in printed
        assert "of this run" in printed.replace("\n", " ")
        assert (tmp_path / "bench.svg").read_text().count("<svg") == 1

    def test_strategies_may_have_options(self, tmp_path, capsys):
        self.journal(tmp_path, 15)
        chosen = "evolution:population_size=4,sample_size=2 random"
        main(["bench", str(tmp_path), "--seeds=2", f"--strategies={chosen}", "--batch=3"])
        assert "evolution:population_size=4,sample_size=2" in (tmp_path / "bench.svg").read_text()

    @pytest.mark.parametrize(
        ("trials", "options", "message"),
        [
            (9, [], "the search has 9 trials with a score, a replay needs 10; search with more --trials"),
            (15, ["--seeds=1"], "--seeds is 1; use 2 or more"),
            (15, ["--batch=0"], "--batch is 0; use 1 or more"),
            (15, ["--strategies=magic"], "unknown strategy 'magic'; available: bohb, evolution"),
            (15, ["--strategies=evolution:size=3"], "strategy 'evolution' has no option 'size'"),
        ],
    )
    def test_bad_input_is_one_line(self, tmp_path, capsys, trials, options, message):
        self.journal(tmp_path, trials)
        assert message in self.refused(capsys, str(tmp_path), *options)

    def test_a_directory_without_a_search(self, tmp_path, capsys):
        assert "is not there; name the directory of a search" in self.refused(capsys, str(tmp_path / "nowhere"))

    def refused(self, capsys, *arguments):
        with pytest.raises(SystemExit) as stop:
            main(["bench", *arguments])
        assert stop.value.code == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("nasplus: error")]
        assert len(lines) == 1
        return lines[0]
