"""The layout's promises: what the core may import, and what gets installed."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

from nni_nasplus import UserError, registry

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "nni_nasplus").glob("*.py"))


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    return names | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", CORE, ids=lambda p: p.name)
def test_the_core_imports_no_space_no_strategy_and_no_host(path):
    parts = ("nni_nasplus.spaces", "nni_nasplus.strategies", "nni_nasplus.hosts")
    assert not [name for name in imported(path) if name.startswith(parts)]


@pytest.mark.parametrize("folder", ["strategies", "spaces"])
def test_plug_ins_import_no_host(folder):
    for path in (ROOT / folder).rglob("*.py"):
        assert not [name for name in imported(path) if name.startswith("nni_nasplus.hosts")]


def test_every_entry_point_loads():
    for kind in ("predictors", "strategies", "spaces"):
        for name in registry.available(kind):
            assert registry.load(kind, name).__module__.startswith(f"nni_nasplus.{kind}")
    with pytest.raises(UserError, match="available: evolution, random, score, tenas, thompson"):
        registry.load("strategies", "none")


@pytest.mark.parametrize(
    "package",
    [
        "nni_nasplus",
        "nni_nasplus.data",
        "nni_nasplus.data.images",
        "nni_nasplus.predictors",
        "nni_nasplus.spaces.events",
        "nni_nasplus.hosts.nni",
        "nni_nasplus.hosts.optuna",
    ],
)
def test_every_public_name_is_there(package):
    module = import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    with pytest.raises(AttributeError):
        _ = module.no_such_name


def test_the_wheel_has_one_top_level_package(tmp_path):
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path, ROOT]
    subprocess.run(pip, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"nni_nasplus"}
    hosts = ("hosts/nni/tuner.py", "hosts/nni/manager_patch.js", "hosts/nni/remote_patch.js")
    for part in ("py.typed", "strategies/aging_evolution.py", "spaces/events/network.py", *hosts):
        assert f"nni_nasplus/{part}" in names
