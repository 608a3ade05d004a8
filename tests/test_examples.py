"""Every example, benchmark, and command of README and site runs as it is written."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nni_server import free_port, get, trials, wait
from places import ROOT
from processes import run_python
from shopping import shopping

from nni_nasplus.cli import main
from nni_nasplus.data.events import EventDataModule, prepare
from nni_nasplus.spaces.events import EventSequenceSpace
from nni_nasplus.training.events import EventClassification

BIN = Path(sys.executable).parent


@pytest.fixture
def project(tmp_path):
    """A copy of the examples, as a user would have them."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("cache", "__pycache__"))
    return tmp_path


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """This environment first on the path; NNI's settings and experiments in the test's folder."""
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NNI_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def run(command, folder):
    """Run a command; fail on a bad exit code or an ERROR line."""
    program, *words = command
    done = run_python(words if program == "python" else [shutil.which(program), *words], cwd=folder, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.nni
@pytest.mark.system
def test_nnictl(project, environment, tmp_path):
    run(["nasplus", "register"], project)
    port = free_port()
    create = "nasplus nnictl create --config examples/events/nnictl.yml"
    assert create in (ROOT / "docs" / "how_to" / "nni.md").read_text()
    run([*create.split(), "--port", str(port)], project)
    try:
        assert wait(port) == "DONE"
        records, experiment = trials(port), get(port, "experiment")["id"]
        log = (tmp_path / "home" / "nni-experiments" / experiment / "log" / "dispatcher.log").read_text()
    finally:
        run(["nasplus", "nnictl", "stop", "--port", str(port)], project)
    assert "ERROR" not in log
    assert [status for status, _, _ in records] == ["SUCCEEDED"] * 8

    cache = project / "examples" / "events" / "cache" / "japanese_vowels"
    space = EventSequenceSpace(**EventDataModule(cache).shape.to_json())
    evaluator = EventClassification(str(cache), objective="accuracy", epochs=4)
    for _, parameters, metric in records:
        earned = evaluator.evaluate(space, parameters, tmp_path / "again")
        assert metric["default"] == pytest.approx(earned["accuracy"], abs=1e-6)
        assert metric["parameters"] == earned["parameters"]


@pytest.mark.slow
@pytest.mark.nni
def test_nas_experiment(project, environment):
    printed = run(["python", "nas_experiment.py", str(free_port())], project / "examples" / "events")
    assert len(re.findall(r"^\d\d\|[01]\|", printed, re.MULTILINE)) == 3


@pytest.mark.system
def test_the_page_on_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    short, *blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "how_to" / "python.md").read_text(), re.DOTALL)
    small = {"trials=2)": "trials=1)", "trials=10": "trials=1", "trials=12": "trials=2", "epochs=3": "epochs=1"}
    small["StratifiedKFold(3)"] = "StratifiedKFold(2)"
    code = "\n".join(blocks)
    assert all(word in code for word in small)
    for large, word in small.items():
        code = code.replace(large, word)
    names: dict[str, object] = {}
    exec(code, names)
    assert len(names["classifier"].history_) == 2
    assert list(names["same"]) == list(names["classifier"].predict(names["new_events"]))
    events, labels = shopping()
    frames = {"events": events, "new_events": events, "labels": labels}
    exec(short.replace("trials=20", "trials=1"), frames)
    assert len(frames["probabilities"]) == len(labels)


def commands_of(readme: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / readme).read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith(("nasplus", "python examples"))]


BESIDE = (
    "git clone ADDRESS nni-nasplus",
    "cd nni-nasplus",
    "make demo",
    'pip install -e ".[demo]" -c constraints.txt',
    "head -n 3 events.csv labels.csv",
)
"""What docs/start.md has beside commands of this package."""


def test_every_command_of_the_start_is_run_by_a_test():
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "start.md").read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    assert lines == [line for line in lines if line in BESIDE or line in commands_of("docs/start.md")]
    assert set(BESIDE) <= set(lines)


@pytest.mark.nni
@pytest.mark.system
@pytest.mark.timeout(900)
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="there is no checkout to clone")
def test_the_start_from_a_clone_to_the_demo(environment, tmp_path):
    clone, enter, demo, install, head = (command.replace("ADDRESS", str(ROOT)) for command in BESIDE)
    short = f'exec {BIN}/nasplus "$@" --trials 2 --port {free_port()}'
    environment_at_hand = [
        "mkdir -p .venv/bin",
        "ln -s $(command -v python) .venv/bin/python",
        f"printf '#!/bin/sh\\n%s\\n' {shlex.quote(short)} > .venv/bin/nasplus",
        "chmod +x .venv/bin/nasplus",
        "touch .venv/demo.stamp",
    ]
    dry = f"python -m {install} --dry-run --no-deps --no-build-isolation --quiet"
    vowels = "python examples/events/vowels.py"
    script = [clone, enter, *environment_at_hand, demo, dry, vowels, head]
    done = subprocess.run(["bash", "-ec", "\n".join(script)], cwd=tmp_path, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "winner" in done.stdout
    assert "==> events.csv <==" in done.stdout


PAGES = ("events", "text", "images", "report", "interrupted", "optuna", "bench", "nni")
"""Of docs/how_to, those whose commands go on from README's search, or need nothing."""


def commands_of_readme_and_site() -> list[list[str]]:
    """The words of each command once, in the order in which people read them."""
    commands = commands_of("README.md") + commands_of("docs/start.md")
    commands += [command for page in PAGES for command in commands_of(f"docs/how_to/{page}.md")]
    commands += commands_of("docs/concepts/predictors.md")
    for example in ("text", "images"):
        commands += [c for c in commands_of(f"examples/{example}/README.md") if c.startswith("nasplus describe")]
    words = [tuple(shlex.split(command, comments=True)) for command in commands if "nnictl" not in command]
    return [list(command) for command in dict.fromkeys(words)]


@pytest.mark.nni
@pytest.mark.system
@pytest.mark.timeout(1500)
def test_the_readme_and_the_site(project, environment, monkeypatch, caplog):
    monkeypatch.chdir(project)
    events, labels = shopping()
    events.to_csv("my_events.csv", index=False)
    labels.rename(columns={"loyal": "left"}).to_csv("my_labels.csv", index=False)
    commands = commands_of_readme_and_site()
    assert {words[1] for words in commands} >= {"search", "show", "report", "export", "predict", "describe", "register"}
    for program, *words in commands:
        if words[0] == "search" and ("my_events.csv" in words or "--minutes" in words):
            words += ["--trials", "1", "--epochs", "1"]
        if words[0] == "resume" and "--minutes" in words:
            words += ["--trials", "12"]
        if words[0] in ("describe", "score"):
            main(words)
            continue
        if words[0] in ("search", "resume"):
            words += ["--port", str(free_port())]
        run([program, *words], project)
    assert "ERROR" not in caplog.text
    assert json.loads((project / "vowels" / "architecture.json").read_text())["genotypes"]


@pytest.mark.slow
@pytest.mark.nni
@pytest.mark.parametrize("number", range(3))
def test_searches_of_texts(project, environment, number):
    rng = np.random.default_rng(0)
    for name in ("tinyshakespeare.txt", "wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"):
        lines = (" ".join(rng.choice(["to", "be", "or", "not"], 12)) for _ in range(300))
        (project / name).write_text("\n".join(lines) + "\n")
    small = ["--trials=2", "--epochs=1", "--batch_size=4", "--embedding=8", "--hidden=8", "--layers=1"]
    search = [c for c in commands_of("examples/text/README.md") if c.startswith("nasplus search")][number]
    assert "perplexity of what was found" in run([*shlex.split(search), *small, "--port", str(free_port())], project)


@pytest.mark.slow
@pytest.mark.nni
def test_searches_of_images(project, environment):
    commands = commands_of("examples/images/README.md")
    digits, search, _, _, other, tenas, _, export, _, *_ = commands
    run(["python", *shlex.split(digits, comments=True)[1:]], project)
    shutil.copy(project / "digits.npz", project / "fashion.npz")
    small = ["--trials=2", "--epochs=1", "--size=8"]
    quick = ["--strategy_options.kernel_examples=4", "--strategy_options.region_examples=30"]
    for command in (search, other, f"{tenas} {' '.join(quick)}"):
        printed = run([*shlex.split(command), *small, "--port", str(free_port())], project)
        assert "accuracy of what was found" in printed
    assert "tenas, without training" in printed
    run(shlex.split(export), project)
    np.savez(project / "new.npz", x=np.load(project / "digits.npz")["x_train"][:5])
    run(["nasplus", "predict", "model", "--images", "new.npz", "--to", "classes.csv"], project)


def test_the_uci_tables(project, tmp_path):
    from events_data import data_path

    source = data_path("events/uci_credit_card.csv.gz")
    run(["python", "examples/events/uci_credit.py", source, tmp_path / "uci"], project)
    assert {p.name for p in (tmp_path / "uci").iterdir()} == {"events.parquet", "labels.csv"}
    tables = [tmp_path / "uci" / name for name in ("events.parquet", "labels.csv")]
    prepare(*tables, id="ID", time="month", target="default", out=tmp_path / "run" / "data", progress=False)
    printed = run(["python", ROOT / "benchmarks" / "gradient_boosting.py", source, tmp_path / "run"], project)
    assert "test ROC-AUC 0.76" in printed


def test_the_benchmark_runs():
    printed = run(["python", ROOT / "benchmarks" / "events.py", "--users=100", "--events=20000"], ROOT)
    for words in ("sequences of 64 events per second", "architectures per second", "events/s", "peak memory"):
        assert words in printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "options", "words"),
    [
        ("proxies.py", ["--cells=3", "--published=2", "--batch=8"], ["jacob_cov", "as NASLib published"]),
        ("proxy_prior.py", ["--seeds=2", "--trials=12", "--pool=20"], ["thompson, naswot", "best of 10"]),
        ("recipe_ranks.py", [], ["gp after 20", "forest after 200"]),
    ],
)
def test_benchmarks_on_published_tables(script, options, words):
    from events_data import data_path

    data = data_path("nas/nb201_200ep.npz").parent
    printed = run(["python", ROOT / "benchmarks" / script, f"--data={data}", *options], ROOT)
    assert all(word in printed for word in words)


@pytest.mark.slow
def test_the_benchmark_of_worth_goes_on_where_it_stopped(tmp_path):
    command = ["python", ROOT / "benchmarks" / "worth.py", tmp_path, "--data", tmp_path, "--tasks", "vowels"]
    options = ["--seeds=0", "--trials=3", "--random"]
    printed = run([*command, *options], ROOT)
    for word in ("ensemble", "networks", "distilled", "transformer", "boosting", "best of all three"):
        assert word in printed
    assert (tmp_path / "vowels" / "random" / "0" / "report.json").is_file()
    before = (tmp_path / "results.jsonl").read_text()
    tests = {line["contender"]: line["test"] for line in map(json.loads, before.splitlines())}
    assert tests["random ensemble"] > 0.9
    assert tests["MultiRocket"] > 0.9
    assert printed.endswith(run([*command, *options], ROOT))
    assert (tmp_path / "results.jsonl").read_text() == before
