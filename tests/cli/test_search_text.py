"""``nasplus search --text``: from a plain text to an exported network, on both hosts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from nasplus_command import nasplus, refused
from nni_server import free_port

from nni_nasplus.cli.commands.search import parsed
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.spaces.recurrent import PRESETS, RecipeSpace

TINY = {"trials": 4, "epochs": 1, "batch_size": 4, "bptt": 8, "embedding": 8, "hidden": 8, "layers": 1}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """Sentences in which the next word depends on the one before."""
    rng, words = np.random.default_rng(0), [f"w{i}" for i in range(12)]
    lines = []
    for _ in range(120):
        place, line = int(rng.integers(12)), []
        for _ in range(12):
            line.append(words[place])
            place = (place + int(rng.integers(1, 3))) % 12
        lines.append(" ".join(line))
    path = tmp_path_factory.mktemp("text") / "walk.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def asking(source, out, **changes):
    options = {"text": source, "strategy": "random", "port": free_port(), "out": out, "tail-minutes": 0.001}
    options |= {**TINY, **changes}
    return ["search", *(f"--{name}={value}" for name, value in options.items() if value is not None)]


@pytest.mark.nni
@pytest.mark.system
def test_a_search_through_nni_ends_with_the_winner_beside_its_peers_and_can_be_exported(text, tmp_path):
    done = nasplus(*asking(text, tmp_path / "run", initial="lstm"))
    assert done.returncode == 0, done.stderr
    for word in (
        "winner",
        "GRU",
        "LSTM",
        "best of the initial ones",
        "random search, best of 4",
        "perplexity of what was found",
    ):
        assert word in done.stdout
    result = json.loads((tmp_path / "run" / "report.json").read_text())
    assert result["random_search_test"] > 1
    trials = [trial for trial in Run.open(tmp_path / "run").history().finished if trial.status == "done"]
    assert result["rows"][0]["validation"]["perplexity"] == min(trial.score for trial in trials)
    first = next(trial for trial in trials if trial.number == 0)
    assert (first.origin, first.architecture) == ("initial", RecipeSpace().architecture(PRESETS["lstm"]))
    assert nasplus("export", tmp_path / "run", "--to", tmp_path / "model").returncode == 0
    printed = nasplus("predict", tmp_path / "model", "--text", text, "--to", tmp_path / "lines.csv")
    assert printed.returncode == 0
    lines = pd.read_csv(tmp_path / "lines.csv")
    assert list(lines.columns) == ["line", "tokens", "perplexity"]
    assert len(lines) == 120
    assert (lines["tokens"] == 12).all()
    assert np.isfinite(lines["perplexity"]).all()
    model = Model.load(tmp_path / "model")
    (member,) = model.members
    assert RecipeSpace().validate(member.architecture) == member.architecture


@pytest.mark.slow
def test_a_search_through_optuna(text, tmp_path):
    done = nasplus(*asking(text, tmp_path / "run", host="optuna", space="darts-rnn", level="character", port=None))
    assert done.returncode == 0, done.stderr
    assert "winner" in done.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": "nowhere.txt"}, "nowhere.txt"),
        ({"space": "events"}, "space 'events' is not for texts; use --space darts-rnn or enas-rnn or rnn"),
        ({"objective": "roc_auc"}, "unknown objective 'roc_auc'"),
        ({"vocabulary": 1}, "a vocabulary of 1 leaves nothing to predict"),
        ({"dropout.weight": 1}, "the weight dropout is 1.0; use 0 or more and less than 1"),
        ({"dropout.words": 0.1}, "there is no words dropout"),
        ({"fix": "learning_rate=0.1"}, "--fix has no effect on space 'rnn'; leave it out"),
        ({"tune": "true"}, "--tune has no effect on space 'rnn'; leave it out"),
        ({"fix": "dropout=3", "space": "darts-rnn"}, "dropout is 3; use 0 to 1"),
        ({"fix": "learning_rate=-1", "space": "enas-rnn"}, "learning_rate is -1; use 0 or more"),
        ({"layers": 0}, "--layers is 0; use more than 0"),
        ({"labels": "labels.csv"}, "--labels has no effect on texts; leave it out"),
        ({"events": "events.csv"}, "--events and --text are two tasks"),
        ({"batch_size": 5000}, "too few to read 5000 columns"),
        ({"initial": "[lstm, transformer]"}, "transformer"),
        ({"strategy_options.initial": "[lstm]"}, "has no option 'initial'"),
    ],
)
def test_bad_options_are_one_line_and_start_nothing(capsys, text, tmp_path, changes, message):
    assert message in refused(capsys, *asking(text, tmp_path / "run", **changes))
    assert not (tmp_path / "run" / "run.json").exists()
    assert not (tmp_path / "run" / "data").exists()


@pytest.mark.parametrize(
    ("content", "message"), [("", "is empty"), ("one line only\n", "tokens"), (b"\xff\xfe", "UTF-8")]
)
def test_a_text_that_is_none_is_named(capsys, tmp_path, content, message):
    path = tmp_path / "bad.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in refused(capsys, *asking(path, tmp_path / "run"))


def test_without_data_all_kinds_are_named(capsys):
    assert "--events for tables of events, --images for images, --text for texts" in refused(
        capsys, "search", "--trials", 3
    )


def test_what_to_start_from_is_one_architecture_or_more():
    for given, read in {"lstm": "lstm", "[lstm, gru]": ["lstm", "gru"], "[]": []}.items():
        assert parsed(["--text", "a.txt", "--initial", given])[1].initial == read


def test_the_scale_sets_what_no_option_says(tmp_path):
    task, settings, _ = parsed(["--text", "a.txt", "--scale", "small", "--epochs", "7", "--trials", "9"])
    sizes = [task._value(name) for name in ("epochs", "embedding", "layers", "vocabulary")]
    assert (sizes, settings.trials) == ([7, 64, 1, 2000], 9)
    published, *_ = parsed(["--text", "a.txt"])
    assert [published._value(n) for n in ("embedding", "hidden", "layers", "vocabulary")] == [400, 600, 3, None]


@pytest.mark.parametrize(
    ("options", "choices"),
    [
        ([], {}),
        (["--tune"], {"learning_rate": [0.001, 0.0005, 0.002], "dropout": [1.0, 0.5, 0.0]}),
        (["--scale=small"], {"learning_rate": [0.005, 0.0025, 0.01], "dropout": [1.0, 0.5, 0.0]}),
        (["--scale=small", "--fix=dropout=0.25"], {"learning_rate": [0.005, 0.0025, 0.01], "dropout": [0.25]}),
        (["--learning-rate=0.3"], {"learning_rate": [0.3]}),
    ],
)
def test_training_is_searched_at_the_small_scale_or_if_asked_for(options, choices):
    task, *_ = parsed(["--text", "a.txt", "--space", "darts-rnn", *options])
    assert task._choices() == ({"hyperparameters": choices} if choices else {})


def test_recipes_have_no_training_to_search():
    task, *_ = parsed(["--text", "a.txt", "--scale", "small"])
    assert task._choices() == {}


def test_options_may_come_from_a_file(tmp_path):
    (tmp_path / "search.yml").write_text("text: a.txt\ntrials: 5\ndropout: {weight: 0.1}\n")
    task, settings, _ = parsed(["--config", str(tmp_path / "search.yml"), "--trials", "6"])
    assert (task.text, task.dropout, settings.trials) == ("a.txt", {"weight": 0.1}, 6)


@pytest.mark.parametrize(("name", "parameters"), [("rnn", 5_731_600), ("gru", 9_174_800), ("lstm", 10_896_400)])
def test_describe_prints_the_published_counts(capsys, name, parameters):
    from nni_nasplus.cli import main

    main(["describe", "--space", "rnn", "--genotype", name, "--vocabulary", "10000"])
    assert f"parameters: {parameters:,}\n" in capsys.readouterr().out
