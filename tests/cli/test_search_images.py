"""``nasplus search --images``: from arrays or pictures to an exported network."""

from __future__ import annotations

import gzip
import json
import runpy
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from nasplus_command import nasplus, refused
from nni_server import free_port
from PIL import Image

from nni_nasplus import registry
from nni_nasplus.cli import main
from nni_nasplus.cli.commands.search import parsed
from nni_nasplus.registry import described
from nni_nasplus.run.member import Member
from nni_nasplus.run.model import Model
from nni_nasplus.run.run import Run
from nni_nasplus.spaces.images import DartsSpace, NasBench201Space

TINY = {"trials": 3, "epochs": 1, "batch_size": 32, "channels": 2, "flip": "false", "crop": 1, "cutout": 0}
EXAMPLES = Path(__file__).parents[2] / "examples" / "images"
SPACES = {"darts": DartsSpace, "nb201": NasBench201Space}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The example's handwritten digits of 8×8 pixels, 300 of them to train on and 60 to test."""
    folder = tmp_path_factory.mktemp("digits")
    example(digits=[str(folder / "all.npz")])
    with np.load(folder / "all.npz", allow_pickle=False) as arrays:
        x, y = arrays["x_train"], arrays["y_train"]
    assert (x.shape, y.shape, x.max()) == ((1797, 8, 8), (1797,), 255)
    np.savez(folder / "digits.npz", x_train=x[:300], y_train=y[:300], x_test=x[300:360], y_test=y[300:360])
    return folder / "digits.npz"


def example(**arguments):
    """Run a script of the examples by its name."""
    for name, words in arguments.items():
        runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](*words)


def asking(source, out, **changes):
    options = {"images": source, "space": "nb201", "cells": 1, "strategy": "random", "port": free_port(), "out": out}
    options |= {"tail-minutes": 0.001, **TINY, **changes}
    return ["search", *(f"--{name}={value}" for name, value in options.items() if value is not None)]


@pytest.mark.nni
@pytest.mark.system
def test_a_search_through_nni_ends_with_the_winner_beside_a_residual_network_and_can_be_exported(digits, tmp_path):
    done = nasplus(*asking(digits, tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    for word in ("winner", "ResNet-20", "random search, best of 3", "accuracy of what was found"):
        assert word in done.stdout
    run = Run.open(tmp_path / "run")
    assert run.settings.space["init_args"] == {
        "classes": 10,
        "in_channels": 1,
        "size": 8,
        "channels": 2,
        "cells": 1,
    }
    result = json.loads((tmp_path / "run" / "report.json").read_text())
    ensemble, winner = result["rows"][:2]
    assert winner["validation"]["accuracy"] == max(trial.score for trial in run.history().best)
    assert ensemble["validation"]["accuracy"] >= winner["validation"]["accuracy"] - 1e-6
    main(["export", str(tmp_path / "run"), "--to", str(tmp_path / "model")])
    count = len(ensemble["members"])
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "README.md",
        "architecture.json",
        *(["architecture.svg"] if count == 1 else [f"member_{i + 1}.svg" for i in range(count)]),
        "model.safetensors",
        "preprocessing.json",
    }
    main(["predict", str(tmp_path / "model"), "--images", str(digits), "--to", str(tmp_path / "classes.csv")])
    table = pd.read_csv(tmp_path / "classes.csv")
    assert list(table.columns) == ["image", *(f"p_{digit}" for digit in range(10))]
    right = table.iloc[:, 1:].to_numpy().argmax(1) == np.load(digits)["y_test"]
    assert right.mean() == pytest.approx(result["rows"][0]["test"]["accuracy"], abs=1e-6)


@pytest.mark.slow
def test_a_search_of_pictures_through_optuna(digits, tmp_path):
    with np.load(digits) as arrays:
        for split in ("train", "test"):
            for number, (image, label) in enumerate(zip(arrays[f"x_{split}"], arrays[f"y_{split}"], strict=True)):
                folder = tmp_path / "digits" / split / str(label)
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(folder / f"{number}.png")
    changes = {"host": "optuna", "port": None, "space": "darts", "cells": None, "layers": 2, "auxiliary": "false"}
    done = nasplus(*asking(tmp_path / "digits", tmp_path / "run", **changes))
    assert done.returncode == 0, done.stderr
    assert "winner" in done.stdout
    assert nasplus("export", tmp_path / "run", "--to", tmp_path / "model", "--onnx").returncode == 0
    one = next((tmp_path / "digits" / "test" / "3").iterdir())
    model = Model.load(tmp_path / "model")
    table = model.predict(one)
    assert table["image"].tolist() == [one.name]
    assert table.iloc[0, 1:].sum() == pytest.approx(1, abs=1e-6)
    session = onnxruntime.InferenceSession(tmp_path / "model" / "model.onnx")
    images = np.random.default_rng(0).normal(size=(5, 1, 8, 8)).astype(np.float32)
    with torch.inference_mode():
        expected = model.network(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(session.run(None, {"input": images})[0], expected, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": "nowhere.npz"}, "no nowhere.npz: name an .npz archive, or a folder"),
        ({"space": "rnn"}, "space 'rnn' is not for images; use --space darts or densenas or mobile or nb201"),
        ({"objective": "roc_auc"}, "unknown objective 'roc_auc'; choose one of accuracy, loss"),
        ({"layers": 3}, "--layers has no effect on space 'nb201'; leave it out"),
        ({"space": "darts"}, "--cells has no effect on space 'darts'; leave it out"),
        ({"channels": 0}, "--channels is 0; use more than 0"),
        ({"size": 0}, "--size is 0; use more than 0"),
        ({"crop": -1}, "crop is -1; use 0 or more pixels"),
        ({"batch_size": 1}, "batch_size is 1; use 2 or more"),
        ({"space": "darts", "cells": None, "drop_path": 1}, "drop_path is 1.0; use 0 or more, below 1"),
        ({"space": "darts", "cells": None}, "size is 8; use 13 or more, or auxiliary=False"),
        ({"labels": "labels.csv"}, "--labels has no effect on images; leave it out"),
        ({"fix": "learning_rate"}, "--fix is 'learning_rate'; write a decision and its choice"),
        ({"fix": "learning_rate=0.1", "learning_rate": 0.2}, "--learning_rate and --fix both hold learning_rate"),
        ({"fix": "learning_rate=-1"}, "learning_rate is -1; use 0 or more"),
        ({"fix": "depth=3"}, "unknown decision 'depth'"),
        ({"bptt": 5}, "--bptt has no effect on images; leave it out"),
        ({"text": "a.txt"}, "--images and --text are two tasks"),
    ],
)
def test_bad_options_are_one_line_and_start_nothing(capsys, digits, tmp_path, changes, message):
    assert message in refused(capsys, *asking(digits, tmp_path / "run", **changes))
    assert not (tmp_path / "run").exists() or not [p for p in (tmp_path / "run").iterdir() if p.name[0] != "."]


def test_images_that_are_none_are_named(capsys, tmp_path):
    np.savez(tmp_path / "black.npz", x_train=np.zeros((30, 8, 8), np.uint8), y_train=np.arange(30) % 2)
    assert "are all the same" in refused(capsys, *asking(tmp_path / "black.npz", tmp_path / "run"))
    (tmp_path / "pictures").mkdir()
    assert "has no pictures to train on" in refused(capsys, *asking(tmp_path / "pictures", tmp_path / "run"))


def test_a_model_of_images_asks_for_images(capsys, digits, tmp_path):
    from nni_nasplus.data.images import ImageEncoder

    space = NasBench201Space(channels=2, cells=1, classes=2, in_channels=1, size=8)
    encoder = ImageEncoder(("no", "yes"), 8, False, (7.0,), (3.0,))
    architecture = space.search_space.sample(np.random.default_rng(0))
    sizes = {"channels": 2, "cells": 1, "classes": 2, "in_channels": 1, "size": 8}
    Model([Member(described(NasBench201Space, sizes), architecture)], encoder, {}).save(tmp_path / "model")
    assert "reads images; name them with --images" in refused(capsys, "predict", tmp_path / "model", "--text=a.txt")
    assert list(Model.load(tmp_path / "model").predict(digits).columns) == ["image", "p_no", "p_yes"]


def test_the_scale_sets_what_no_option_says():
    small, settings, _ = parsed(["--images", "a.npz", "--scale", "small", "--epochs", "7", "--trials", "9"])
    assert [small._value(name) for name in ("epochs", "size", "channels", "auxiliary")] == [7, 16, 8, False]
    assert settings.trials == 9
    published, *_ = parsed(["--images", "a.npz"])
    assert [published._value(n) for n in ("epochs", "size", "channels", "cutout", "flip")] == [
        600,
        None,
        None,
        16,
        True,
    ]
    assert published._network() == {"auxiliary": True, "drop_path": 0.2}, "the space knows its published sizes"


@pytest.mark.parametrize(
    ("options", "choices"),
    [
        ([], {}),
        (["--tune"], {"learning_rate": [0.025, 0.0125, 0.05], "weight_decay": [3e-4, 1e-3]}),
        (["--scale=small"], {"learning_rate": [0.05, 0.025, 0.1], "weight_decay": [3e-4, 1e-3]}),
        (["--scale=small", "--tune=false"], {}),
        (["--scale=small", "--fix=learning_rate=0.3"], {"learning_rate": [0.3], "weight_decay": [3e-4, 1e-3]}),
        (["--scale=small", "--learning-rate=0.3"], {"learning_rate": [0.3], "weight_decay": [3e-4, 1e-3]}),
        (["--learning-rate=0.3"], {"learning_rate": [0.3]}),
        (["--fix=weight_decay=0.01"], {"weight_decay": [0.01]}),
    ],
)
def test_training_is_searched_at_the_small_scale_or_if_asked_for(options, choices):
    task, *_ = parsed(["--images", "a.npz", "--space", "nb201", *options])
    assert task._choices() == ({"hyperparameters": choices} if choices else {})


def test_decisions_of_the_architecture_are_held_too():
    task, *_ = parsed(["--images", "a.npz", "--space", "nb201", "--fix", "op_0_1=skip_connect"])
    assert task._choices() == {"fixed": {"op_0_1": "skip_connect"}}
    darts, *_ = parsed(["--images", "a.npz", "--scale", "small", "--drop-path", "0.1"])
    assert darts._choices()["hyperparameters"]["drop_path"] == [0.1]


def test_options_may_come_from_a_file(tmp_path):
    (tmp_path / "search.yml").write_text("images: a.npz\nspace: nb201\ntrials: 5\nflip: false\ncutout: 8\n")
    task, settings, _ = parsed(["--config", str(tmp_path / "search.yml"), "--trials", "6"])
    assert (task.images, task.flip, task.cutout, settings.trials) == ("a.npz", False, 8, 6)
    assert task._network() == {}, "the other space's options are not asked for"
    task.check(6)


def test_the_spaces_are_installed_by_name():
    assert {name: registry.load("spaces", name) for name in SPACES} == SPACES


def test_the_files_of_mnist_become_an_archive(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (3, 4, 4)).astype(np.uint8)
    for prefix, images in {"train": values, "t10k": values[:2]}.items():
        head = bytes([0, 0, 8, 3, 0, 0, 0, len(images), 0, 0, 0, 4, 0, 0, 0, 4])
        (tmp_path / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images.tobytes()))
        labels = bytes([0, 0, 8, 1, 0, 0, 0, len(images), *range(len(images))])
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    example(idx=[str(tmp_path), str(tmp_path / "mnist.npz")])
    with np.load(tmp_path / "mnist.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["x_train"], values)
        np.testing.assert_array_equal(arrays["x_test"], values[:2])
        assert (arrays["y_train"].tolist(), arrays["y_test"].tolist()) == ([0, 1, 2], [0, 1])
