"""What README and site say of what is installed; ``make docs`` builds the site, and fails on links to nowhere."""

from __future__ import annotations

import math
import re

import catalogue
import pytest
import yaml
from links import broken_links
from places import ROOT

from nni_nasplus import registry
from nni_nasplus.search.summary import rounded_count

README = (ROOT / "README.md").read_text(encoding="utf-8")
SIZES = {"boosting": {"cardinalities": (5,)}, "darts-rnn": {"vocabulary": 11}, "enas-rnn": {"vocabulary": 11}}


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_the_catalogue_has_what_is_installed_and_nothing_else(kind):
    words = catalogue.words(kind)
    assert sorted(words["entries"]) == registry.available(kind)
    assert {len(cells) for cells in words["entries"].values()} == {len(words["columns"]) - 1}


def test_a_name_that_another_package_brings_stands_in_the_table_with_its_first_line(monkeypatch):
    monkeypatch.setitem(catalogue.words("strategies")["entries"], "random", [])
    assert "| `random` | Propose unseen architectures, each active decision uniform. |  |" in catalogue.table(
        "strategies"
    )


def test_the_tables_of_the_readme_are_those_of_the_catalogue():
    assert catalogue.with_tables(README) == README, "run python docs/_extensions/catalogue.py"
    assert set(re.findall(r"<!-- table (\w+) -->", README)) >= {"spaces", "strategies"}


def test_the_readme_is_read_in_one_sitting():
    assert README.count("\n") <= 150


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_of_a_page_beside_the_site_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_every_strategy_has_its_notes():
    notes = yaml.safe_load((ROOT / "docs" / "strategies" / "notes.yml").read_text(encoding="utf-8"))
    assert sorted(notes) == sorted(catalogue.strategy_names())
    assert [
        name for name, note in notes.items() if not {"when", "cost"} <= set(note) <= {"when", "cost", "reached"}
    ] == []


@pytest.mark.parametrize("name", [name for name in catalogue.names("spaces") if name != "rnn"])
def test_a_space_has_as_many_architectures_as_the_catalogue_says(name):
    said = catalogue.cells("spaces", name)[1]
    size = registry.load("spaces", name)(**SIZES.get(name, {})).search_space.size
    root = math.isqrt(size)
    assert said == (f"{root:,}²" if root**2 == size and said.endswith("²") else rounded_count(size))


def test_a_link_to_no_file_and_one_to_no_place_in_it_are_found(tmp_path):
    (tmp_path / "folder").mkdir()
    good = '<a id="top" href="folder/other.html#there"></a><a href="#top"></a><a href="https://nowhere.example/#a"></a>'
    (tmp_path / "index.html").write_text(f'{good}<a href="gone.html"></a><a href="#gone"></a>')
    (tmp_path / "folder" / "other.html").write_text('<p id="there"><a href="../index.html#no"></a><img src="no.png">')
    assert list(broken_links(tmp_path)) == [
        "folder/other.html: ../index.html#no",
        "folder/other.html: no.png",
        "index.html: gone.html",
        "index.html: #gone",
    ]


def test_every_tutorial_has_its_place():
    known = re.search(r"^TUTORIALS = \[(.*?)\]", (ROOT / "docs" / "conf.py").read_text(), re.DOTALL | re.MULTILINE)
    stems = {path.stem for path in (ROOT / "examples" / "tutorials").glob("*.py")}
    assert sorted(re.findall(r'"(\w+)"', known[1])) == sorted(stems)
