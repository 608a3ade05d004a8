"""``nasplus score``: a table of zero-cost proxies."""

from __future__ import annotations

import pytest

from nni_nasplus.cli import main


class TestCommand:
    def test_it_ranks_genotypes(self, capsys):
        main(["score", "--space", "rnn", "--genotype", "lstm", "--genotype", "gru", *SIZES, "--proxies", "naswot,ntk"])
        text = capsys.readouterr().out
        assert "naswot ↑" in text and "ntk ↓" in text
        assert text.count("linear(") >= 2

    def test_equal_seeds_give_equal_tables(self, capsys):
        outputs = []
        for seed in (3, 3, 4):
            main(["score", "--space", "rnn", "--sample", "3", *SIZES, "--batch", "4", "--seed", str(seed)])
            outputs.append(capsys.readouterr().out)
        assert outputs[0] == outputs[1] != outputs[2]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--proxies", "magic"], "unknown proxy 'magic'"),
            (["--batch", "1"], "the batch has one example"),
            (["--batch", "0"], "--batch is 0"),
            (["--sample", "-1"], "--sample is -1"),
        ],
    )
    def test_bad_input(self, capsys, words, message):
        with pytest.raises(SystemExit):
            main(["score", "--space", "rnn", "--genotype", "gru", *SIZES, *words])
        assert message in capsys.readouterr().err

    def test_nothing_to_score(self, capsys):
        with pytest.raises(SystemExit):
            main(["score", "--space", "rnn"])
        assert "nothing to score; name architectures with --genotype" in capsys.readouterr().err


SIZES = ["--vocabulary", "20", "--embedding", "6", "--hidden", "6", "--layers", "1"]
