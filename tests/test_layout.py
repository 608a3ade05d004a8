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
    "estimators",
    "hosts",
    "report",
    "tail",
    "strategies",
    "one_shot",
    "run",
    "training",
    "predictors proxies",
    "spaces",
    "networks ensembles",
    "budgets replay",
    "search",
    "data",
    "drawing",
    "registry",
    "_files _lazy _localhost _progress _signals",
    "errors",
)
"""The parts from top to bottom: one imports what lies on lower lines, and nothing of its own line but itself."""
LEVEL = {part: len(LINES) - number for number, line in enumerate(LINES) for part in line.split()}
FOLDERS = {"nni_nasplus": "nni_nasplus", "strategies": "nni_nasplus.strategies", "spaces": "nni_nasplus.spaces"}
MOST_FILES = 14
"""About a dozen: what a person reads at a glance."""
TESTS = ROOT / "tests"
MOST_LINES_OF_TESTS = 400


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
    assert "\n".join(advice for _, _, advice in rule()) == ""


def test_every_part_has_its_line():
    assert {part_of(module) for module in MODULES} - {"", "__main__"} == set(LEVEL)


def test_no_files_import_each_other_in_a_circle():
    whole = {(module, other) for module in MODULES for _, other in imports(module)}
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    assert circles({(a, b) for a, b in whole if a not in packages}) == []


def test_no_folders_import_each_other_in_a_circle():
    arrows = {(part_of(module), part_of(other)) for module in MODULES for _, other in imports(module)}
    assert circles({(a, b) for a, b in arrows if a and b}) == []


def test_what_nnis_tuner_imports_imports_no_torch():
    modules = [
        "nni_nasplus",
        "nni_nasplus.search.search",
        "nni_nasplus.run.run",
        "nni_nasplus.proxies",
        "nni_nasplus.strategies.thompson_sampling",
        "nni_nasplus.strategies.training_free",
        "nni_nasplus.strategies.te_nas",
        "nni_nasplus.hosts.nni.tuner",
    ]
    steps = [f"import {module}; assert 'torch' not in sys.modules, '{module}'" for module in modules]
    done = subprocess.run([sys.executable, "-c", "\n".join(["import sys", *steps])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES.values()}, key=str), ids=lambda f: f.name)
def test_a_folder_holds_about_a_dozen_files_and_says_what_it_is_for(folder):
    files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= MOST_FILES, f"give {folder.relative_to(ROOT)} a folder for what belongs together"
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))


def test_a_file_of_tests_is_about_one_subject():
    lines = {str(path.relative_to(TESTS)): path.read_text(encoding="utf-8").count("\n") for path in TESTS.rglob("*.py")}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_TESTS} == {}


def test_the_folders_of_the_tests_mirror_those_of_the_package():
    others = {("fuzz",), ("helpers",), ("nni_trials",)}
    folders = {path.parent.relative_to(TESTS).parts for path in TESTS.rglob("*.py")} - others
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    assert {".".join(("nni_nasplus", *parts)) for parts in folders} - packages == set()


KINDS = ("budgets", "hosts", "one_shot", "predictors", "proxies", "spaces", "strategies", "tasks")


@pytest.mark.parametrize("kind", KINDS)
def test_every_entry_point_loads_and_a_name_that_is_none_is_told_of_them(kind):
    names = registry.available(kind)
    for name in names:
        assert registry.load(kind, name).__module__.startswith("nni_nasplus.")
    with pytest.raises(UserError, match=f"'none'; available: {', '.join(names)}($|, or a one-shot method: )"):
        registry.load(kind, "none")


def test_settings_are_read_by_attribute():
    wrong = [
        str(path.relative_to(ROOT)) for path in MODULES.values() if 'settings["' in path.read_text(encoding="utf-8")
    ]
    assert wrong == []


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
    hosts = ("hosts/nni/tuner.py", *(f"hosts/nni/{name}_patch.js" for name in ("manager", "remote", "web")))
    web = (f"hosts/nni/web/{name}" for name in ("page.js", "page.css", "icons.woff", "LICENSE.txt"))
    page = ("report/templates/page.html", "report/templates/style.css", "report/templates/script.js")
    for part in ("py.typed", "strategies/aging_evolution.py", "spaces/events/network.py", *hosts, *web, *page):
        assert f"nni_nasplus/{part}" in names
