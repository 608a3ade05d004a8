"""The floor plan: which part may import which. CONTRIBUTING draws it; here every file is held to it."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import networkx as nx
import pytest

from nni_nasplus import UserError, registry

ROOT = Path(__file__).parents[1]
LINES = (
    "cli",
    "hosts",
    "strategies",
    "one_shot",
    "run",
    "training",
    "predictors proxies",
    "spaces",
    "networks",
    "replay",
    "search",
    "data",
    "drawing",
    "registry",
    "_files _lazy errors",
)
"""The parts from top to bottom: one imports what lies on lower lines, and nothing of its own line but itself."""
LEVEL = {part: len(LINES) - number for number, line in enumerate(LINES) for part in line.split()}
FOLDERS = {"nni_nasplus": "nni_nasplus", "strategies": "nni_nasplus.strategies", "spaces": "nni_nasplus.spaces"}
MOST_FILES = 14
TESTS = ROOT / "tests"
MOST_LINES_OF_TESTS = 400
CROWDED = {"nni_nasplus/cli", "nni_nasplus/data/events", "spaces/recurrent"}
EXCEPTIONS: set[tuple[str, str]] = {
    ("nni_nasplus.cli.report", "nni_nasplus.strategies.random_search"),
    ("nni_nasplus.cli.tasks.text", "nni_nasplus.spaces.recurrent.regularisation"),
    ("nni_nasplus.hosts.nni.one_shot_te_nas", "nni_nasplus.strategies.te_nas"),
    ("nni_nasplus.proxies.pool", "nni_nasplus.run.run"),
    ("nni_nasplus.proxies.pool", "nni_nasplus.training.reporter"),
    ("nni_nasplus.run.settings", "nni_nasplus.hosts.optuna.study"),
    ("nni_nasplus.search.strategy", "nni_nasplus.run.run"),
    ("nni_nasplus.search.strategy", "nni_nasplus.training.reporter"),
    ("nni_nasplus.strategies.te_nas.networks", "nni_nasplus.spaces.events"),
    ("nni_nasplus.strategies.te_nas.networks", "nni_nasplus.spaces.images"),
    ("nni_nasplus.strategies.te_nas.rules", "nni_nasplus.spaces.events.stem"),
    ("nni_nasplus.strategies.te_nas.unfolded", "nni_nasplus.spaces.events.blocks"),
    ("nni_nasplus.strategies.te_nas.unfolded", "nni_nasplus.spaces.events.decoder"),
    ("nni_nasplus.training.callbacks", "nni_nasplus.hosts"),
    ("nni_nasplus.training.language", "nni_nasplus.spaces.recurrent.language_model"),
    ("nni_nasplus.training.language_baselines", "nni_nasplus.spaces.recurrent.cell"),
    ("nni_nasplus.training.language_baselines", "nni_nasplus.spaces.recurrent.language_model"),
    ("nni_nasplus.training.language_baselines", "nni_nasplus.spaces.recurrent.recipe"),
    ("nni_nasplus.training.language_model", "nni_nasplus.spaces.recurrent.cell"),
    ("nni_nasplus.training.language_model", "nni_nasplus.spaces.recurrent.language_model"),
}
"""Breaches that the redesign has still to end: importer and imported."""
CIRCLES: list[list[str]] = [
    ["nni_nasplus.run.run", "nni_nasplus.search.strategy", "nni_nasplus.training.evaluator"],
    ["nni_nasplus.spaces.images.darts", "nni_nasplus.spaces.images.darts_supernet"],
    ["nni_nasplus.spaces.images.nasbench201", "nni_nasplus.spaces.images.nasbench201_supernet"],
    ["nni_nasplus.spaces.recurrent.canonical", "nni_nasplus.spaces.recurrent.recipe"],
]
"""Files that import each other and are still to be parted."""


def module_of(path: Path) -> str:
    folder, *rest = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([FOLDERS[folder], *rest]).removesuffix(".__init__")


MODULES = {module_of(path): path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))}


def names_imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: write the import with its whole name"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def imports(module: str) -> tuple[tuple[int, str], ...]:
    """Line and module of everything of this package that a module imports."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    found = [(line, name if name in MODULES else name.rpartition(".")[0]) for line, name in names_imported(tree)]
    return tuple((line, name) for line, name in found if name in MODULES)


def part_of(module: str) -> str:
    return [*module.split("."), ""][1]


def breaches() -> Iterator[tuple[str, str, str]]:
    """Importer, imported, and what a newcomer is to do about it."""
    for module in MODULES:
        part = part_of(module)
        for line, other in imports(module):
            theirs = part_of(other)
            if part not in LEVEL or not theirs or theirs == part or LEVEL[theirs] < LEVEL[part]:
                continue
            here = f"{MODULES[module].relative_to(ROOT)}:{line}"
            advice = (
                f"{here} imports {other}, but {theirs}/ lies above or beside {part}/. Move the line to a file of "
                f"{theirs}/ or higher, hand what it needs in as an argument, or move what is shared below {part}/."
            )
            yield module, other, advice


def outsiders() -> Iterator[tuple[str, str, str]]:
    """Likewise, for what imports a strategy or a space: they come by name, and strategies import no space."""
    for module in MODULES:
        for line, other in imports(module):
            if part_of(other) in ("strategies", "spaces") and part_of(module) != part_of(other):
                here = f"{MODULES[module].relative_to(ROOT)}:{line}"
                yield module, other, f"{here} imports {other}: load it by its name with registry.load"


def circles(arrows: set[tuple[str, str]]) -> list[list[str]]:
    graph = nx.DiGraph((a, b) for a, b in arrows if a != b)
    return sorted(sorted(circle) for circle in nx.strongly_connected_components(graph) if len(circle) > 1)


@pytest.mark.parametrize("rule", [breaches, outsiders])
def test_every_part_imports_lower_parts_and_no_strategy_or_space(rule):
    wrong = [advice for module, other, advice in rule() if (module, other) not in EXCEPTIONS]
    assert "\n".join(wrong) == ""


def test_the_list_of_exceptions_shrinks():
    assert EXCEPTIONS - {(module, other) for module, other, _ in (*breaches(), *outsiders())} == set()


def test_every_part_has_its_line():
    assert {part_of(module) for module in MODULES} - {"", "__main__"} == set(LEVEL)


def test_no_files_import_each_other_in_a_circle():
    whole = {(module, other) for module in MODULES for _, other in imports(module)}
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    assert circles({(a, b) for a, b in whole if a not in packages}) == CIRCLES


def test_no_folders_import_each_other_in_a_circle():
    arrows = {(part_of(module), part_of(other)) for module in MODULES for _, other in imports(module)}
    excepted = {(part_of(module), part_of(other)) for module, other in EXCEPTIONS}
    assert circles({(a, b) for a, b in arrows - excepted if a and b}) == []


@pytest.mark.parametrize("module", ["nni_nasplus", "nni_nasplus.search", "nni_nasplus.hosts.nni.tuner"])
def test_what_nnis_tuner_imports_imports_no_torch(module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES.values()}, key=str), ids=lambda f: f.name)
def test_a_folder_holds_about_a_dozen_files_and_says_what_it_is_for(folder):
    files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert (len(files) > MOST_FILES) == (str(folder.relative_to(ROOT)) in CROWDED)
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))


def test_a_file_of_tests_is_about_one_subject():
    lines = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8").count("\n") for path in TESTS.rglob("*.py")}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_TESTS} == {}


def test_the_folders_of_the_tests_mirror_those_of_the_package():
    folders = {path.parent.relative_to(TESTS).parts for path in TESTS.rglob("*.py")} - {("helpers",), ("nni_trials",)}
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    assert {".".join(("nni_nasplus", *parts)) for parts in folders} - packages == set()


def test_every_entry_point_loads():
    for kind in ("predictors", "strategies", "spaces"):
        for name in registry.available(kind):
            assert registry.load(kind, name).__module__.startswith(f"nni_nasplus.{kind}")
    with pytest.raises(UserError, match="available: evolution, random, score, tenas, thompson"):
        registry.load("strategies", "none")


@pytest.mark.parametrize(
    "package", [module for module, path in MODULES.items() if "__getattr__" in path.read_text(encoding="utf-8")]
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
